"""Nested NIR graphs taken apart, and the ends of a graph that has none, or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..findings import Finding, error, unknown_name
from ..graph import Edge, reachable
from ..room import require_few
from .nir_raw import Raw, RawGraph
from .nir_survey import all_of

Nodes = dict[str, Raw]
Pairs = list[tuple[str, str]]


def flat(graph: RawGraph) -> tuple[Nodes, Pairs]:
    """Nodes and edges of a graph without the graphs inside it: ``lif`` of the nested ``a`` becomes ``a.lif``.

    Raises
    ------
    ShapeError
        LX107 for an edge of a nested graph that ends nowhere.
    UnsupportedError
        LX401 for a nested graph that has not one input and one output.
    """
    nodes: Nodes = {}
    pairs: Pairs = list(graph.edges)
    nested = {name: node for name, node in graph.nodes.items() if isinstance(node, RawGraph)}
    nodes |= {name: node for name, node in graph.nodes.items() if isinstance(node, Raw)}
    for name, inner in sorted(nested.items()):
        inside, edges = flat(inner)
        _check_nested(name, inside, edges)
        called = dict(zip(inside, free((f"{name}.{part}" for part in inside), {*nodes, *nested}), strict=True))
        nodes |= {called[part]: node for part, node in inside.items()}
        (entry,) = (called[part] for part, node in inside.items() if node.kind == "Input")
        (exit_,) = (called[part] for part, node in inside.items() if node.kind == "Output")
        pairs = [(exit_ if a == name else a, entry if b == name else b) for a, b in pairs]
        pairs += [(called[a], called[b]) for a, b in edges]
        for end in (entry, exit_):
            pairs = spliced(pairs, end)
            del nodes[end]
    return nodes, pairs


def _check_nested(name: str, nodes: Nodes, edges: Pairs) -> None:
    for a, b in edges:
        for end in (a, b):
            if end not in nodes:
                found = (
                    f"its edge {a} -> {b} ends at {end!r}, which it does not have; it has {', '.join(sorted(nodes))}"
                )
                raise error("LX107", node=name, found=found, fix="export the graph again with a newer version of nir")
    for kind in ("Input", "Output"):
        count = sum(node.kind == kind for node in nodes.values())
        if count != 1:
            found = f"a nested graph with {count} {kind} nodes"
            raise error("LX401", node=name, found=found, fix="give it one input and one output, or write a flat graph")


def free(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """Names that are not taken: a number is added where they are.

    >>> free(["a.b", "a.b"], ["a.b"])
    ['a.b_2', 'a.b_3']
    """
    used, found = set(taken), []
    for name in names:
        candidate, number = name, 1
        while candidate in used:
            number += 1
            candidate = f"{name}_{number}"
        used.add(candidate)
        found.append(candidate)
    return found


def spliced(pairs: Pairs, name: str) -> Pairs:
    """Edges without a node that hands on what it is given.

    >>> spliced([("a", "x"), ("x", "b"), ("x", "c")], "x")
    [('a', 'b'), ('a', 'c')]
    """
    before, after = ([a for a, b in pairs if b == name], [b for a, b in pairs if a == name])
    kept = [pair for pair in pairs if name not in pair]
    require_few(1, len(kept) + len(before) * len(after))
    return kept + [(a, b) for a in before for b in after]


def with_ends(nodes: Nodes, pairs: Pairs) -> tuple[Nodes, Pairs]:
    """The graph with an input or output where it has none at all, before its first nodes and after its last.

    Their shape is found later. Where there is one, a node that nothing feeds is not taken for a second.
    """
    ends = {}
    for kind, place in (("Input", 1), ("Output", 0)):
        if any(node.kind == kind for node in nodes.values()):
            continue
        linked = {pair[place] for pair in pairs}
        loose = sorted(name for name in nodes if name not in linked)
        for name, end in zip(loose, free((f"{kind.lower()}_{name}" for name in loose), nodes), strict=True):
            ends[end] = Raw(kind, {})
            pairs = [*pairs, (end, name) if kind == "Input" else (name, end)]
    return nodes | ends, pairs


def chosen_output(nodes: Nodes, pairs: Pairs, output: str | None) -> set[str]:
    """Names of the nodes that are left when one output of several is kept, and all that leads to it alone.

    Raises
    ------
    UnsupportedError
        LX401 for several outputs of which none is chosen.
    UnknownNameError
        LX001 for a choice that is no output.
    """
    outputs = sorted(name for name, node in nodes.items() if node.kind == "Output")
    if output is not None and output not in outputs:
        raise unknown_name("output", output, outputs, field="output")
    if output is None and len(outputs) > 1:
        found = f"{len(outputs)} outputs: {', '.join(outputs)}"
        raise error("LX401", found=found, fix=f"choose one, for example output={outputs[0]!r}")
    if output is None:
        return set(nodes)
    return reachable([output], [Edge(a, b) for a, b in pairs], backwards=True) & set(nodes)


def refuse_strangers(nodes: Mapping[str, Raw], pairs: Pairs) -> None:
    """Refuse (LX107) edges that end at no node, or come twice."""
    findings = []
    for a, b in sorted(set(pairs)):
        missing = [end for end in (a, b) if end not in nodes]
        if missing:
            found = f"edge {a} -> {b} ends at {missing[0]!r}, which is not a node"
            findings.append(Finding(code="LX107", found=found, fix="add the node or drop the edge"))
        if pairs.count((a, b)) > 1:
            found = f"two edges {a} -> {b}"
            findings.append(Finding(code="LX107", found=found, fix="drop one; where both count, double the weights"))
    if findings:
        raise all_of(findings)
