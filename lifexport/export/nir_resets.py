"""With which reset the populations of a file were trained: told by the caller, implied by neighbours, or asked for.

NIR does not say. One word stands for the whole network, and every population takes what the tool's neuron makes of it;
a mapping names the rule of each, ``"*"`` that of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..findings import error, unknown_name
from .nir_raw import Raw
from .nir_source import Population, Source, Unclear

SPIKING = ("IF", "LIF", "CubaLIF")
"""NIR kinds that are reset."""
CONNECTIONS = ("Affine", "Linear", "Conv1d", "Conv2d")
REST = "*"
"""Key of a mapping that stands for every population without one of its own."""

Told = str | Mapping[str, str] | None


def require_words(name: str, source: Source, told: Told, delay: bool | None) -> None:
    """Refuse (LX006) words that the source has no reset for, and ``reset_delay`` where it has none.

    This needs no file: a wrong option is found whatever the file holds.
    """
    words = {None: told} if told is None or isinstance(told, str) else told
    if not isinstance(words, Mapping):
        raise error("LX006", field="reset", found=f"a {type(told).__name__}", fix="give a word, or one for each node")
    for node, word in words.items():
        if word not in (*source.resets, *([None] if node is None else [])):
            options = " or ".join(map(repr, source.resets))
            fix = f"source={name!r} has reset {options}" + (' ("zero" is "value")' if word == "zero" else "")
            raise error("LX006", node=node, field="reset", found=f"{word!r}", fix=fix)
    if delay is not None and (not isinstance(delay, bool) or not source.delays):
        fix = "give True or False" if source.delays else f"leave it out: source={name!r} has none"
        raise error("LX006", field="reset_delay", found=f"{delay!r}", fix=fix)


def rules(
    name: str, source: Source, nodes: Mapping[str, Raw], pairs: list[tuple[str, str]], told: Told, delay: bool | None
) -> dict[str, str]:
    """Rule of every population that spikes, by name.

    Raises
    ------
    UnknownNameError
        LX001 for a key that is no population.
    ParameterError
        LX112 for populations whose rule was not told, LX006 for two rules of one, or a contradiction.
    UnsupportedError
        LX401 for a rule that the tool's neuron, or a float population, does not have.
    """
    spiking = sorted(node for node, raw in nodes.items() if raw.kind in SPIKING)
    words = _words(name, source, spiking, told)
    found: dict[str, str] = {}
    unclear: dict[Unclear, list[str]] = {}
    for node, (word, named) in words.items():
        rule = source.rule(Population(nodes[node].kind, _paired(node, nodes, pairs)), word, named, delay)
        if isinstance(rule, Unclear):
            unclear.setdefault(rule, []).append(node)
        else:
            found[node] = rule
    for why, places in unclear.items():
        raise error(why.code, field=why.field, found=f"{why.found} ({', '.join(places)})", fix=why.fix)
    return found


def _words(name: str, source: Source, spiking: list[str], told: Told) -> dict[str, tuple[str, bool]]:
    """Word for every population, and whether it is for that one alone."""
    given = {} if told is None else {REST: told} if isinstance(told, str) else dict(told)
    implied = source.default or (source.resets[0] if len(source.resets) == 1 else None)
    rest = given.pop(REST, implied)
    own: dict[str, str] = {}
    for key, word in given.items():
        node = _population(key, spiking)
        if node in own:
            fix = "name it once"
            raise error("LX006", node=node, field="reset", found="two rules for one population", fix=fix)
        own[node] = word
    missing = [node for node in spiking if node not in own]
    if rest is None and missing:
        found = f"none for {', '.join(missing)}; a NIR file of {name!r} does not say"
        options = " or ".join(map(repr, source.resets))
        fix = f"say what it was trained with (--reset), {options}: for all nodes, or reset={{node: rule}} for each"
        raise error("LX112", field="reset", found=found, fix=fix)
    return {node: (own[node], True) if node in own else (str(rest), False) for node in spiking}


def _population(key: str, spiking: list[str]) -> str:
    """Population of a name: its own, or that of the nested graph in which it is the only one."""
    inside = [node for node in spiking if node.startswith(f"{key}.")]
    if key in spiking:
        return key
    if len(inside) == 1:
        return inside[0]
    raise unknown_name("population", key, spiking, field="reset")


def _paired(node: str, nodes: Mapping[str, Raw], pairs: Any) -> bool:
    """Whether a connection leads from a population to itself, and nowhere else."""
    for between in (b for a, b in pairs if a == node and b in nodes and nodes[b].kind in CONNECTIONS):
        sources, targets = ([a for a, b in pairs if b == between], [b for a, b in pairs if a == between])
        if sources == targets == [node]:
            return True
    return False
