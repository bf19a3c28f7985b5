"""Integer networks with every rule drawn at random, whatever chip has it: loops, branches, late and direct edges."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import IntLIF, Leak, Rules, Word
from lifexport.neurons.rules import Current
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import OVERFLOWS, ROUNDINGS
from lifexport.spatial import Flatten, IntConv, SumPool


def wild_network(seed: int) -> tuple[IntNetwork, np.ndarray]:
    """A network of four populations, and input codes: ``a`` loops, ``b`` and ``c`` branch off, ``d`` merges them."""
    rng = np.random.default_rng(seed)
    n_in, n = (int(size) for size in rng.integers(3, 20, 2))
    kind, bits, signed = (("spikes", 1, False), ("counts", 3, False), ("counts", 9, False), ("graded", 5, True))[
        seed % 4
    ]
    code = InputCode(kind=kind, bits=bits, signed=signed)
    nodes: dict = {"in": IntInput(shape=(n_in,), code=code), "out": Output(shape=(n,))}
    nodes |= {name: wild_population(rng, n) for name in "abcd"}
    edges = [Edge("in", "in_a", int(rng.integers(3))), Edge("in_a", "a"), Edge("d", "out")]
    nodes["in_a"] = _dense(rng, n, n_in)
    loop = rng.permutation([0, 1])
    nodes["back"] = _dense(rng, n, n)
    edges += [Edge("a", "back", int(loop[0])), Edge("back", "a", int(loop[1]))]
    if nodes["a"].per_event:
        edges[-2:] = [Edge("a", "back", 1), Edge("back", "a")]
    for source, target in (("a", "b"), ("a", "c"), ("b", "d")):
        nodes[f"{source}_{target}"] = _dense(rng, n, n, drop=0 if nodes[target].per_event else int(rng.integers(3)))
        late = 0 if nodes[target].per_event else int(rng.integers(3))
        edges += [Edge(source, f"{source}_{target}", int(rng.integers(2))), Edge(f"{source}_{target}", target, late)]
    edges += [Edge("c", "d", int(rng.integers(3)))]
    for name in "abcd":  # further ports
        for port in range(1, nodes[name].synapses):
            nodes[f"in_{name}{port}"] = _dense(rng, n, n_in, synapse=port)
            edges += [Edge("in", f"in_{name}{port}"), Edge(f"in_{name}{port}", name)]
    codes = rng.integers(code.format.lo, code.format.hi + 1, (14, 3, n_in)) * (rng.random((14, 3, n_in)) < 0.4)
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes


def wild_spatial_network(seed: int) -> tuple[IntNetwork, np.ndarray]:
    """Convolutions and pools over one or two axes, and input codes; edges are late wherever they may be.

    ``a`` sees a convolution and loops through another; ``b`` sees weights between pools, ``c`` and ``d`` weights
    behind a flattening, ``e`` a pool of the input alone; ``d`` merges them.
    """
    rng = np.random.default_rng(seed)
    kind, bits, signed = (("spikes", 1, False), ("counts", 3, False), ("counts", 9, False), ("graded", 5, True))[
        seed % 4
    ]
    code = InputCode(kind=kind, bits=bits, signed=signed)
    axes, n = 1 + seed // 4 % 2, int(rng.integers(3, 20))
    nodes: dict = {"in": IntInput(shape=(4, *rng.integers(4, 9, axes).tolist()), code=code), "out": Output(shape=(n,))}
    rules = {name: wild_rules(rng) for name in "abcde"}
    while rules["e"].current and rules["e"].current.synapses > 1:
        rules["e"] = wild_rules(rng)
    edges = [Edge("e", "e_flat"), Edge("d", "out")]

    def way(source: str, target: str, *kinds: str) -> tuple[int, ...]:
        """Connections from one node to another, to each of its ports; the shape that arrives."""
        per_event, current = rules[target].accumulate == "per_event", rules[target].current
        start, weighted = source, [kind for kind in kinds if kind in ("conv", "dense")]
        for port in range(current.synapses if current and weighted else 1):
            source = start
            for i, kind in enumerate(kinds):
                name = f"{start}_{target}{port}_{i}"
                more = {"synapse": port, "drop": 0 if per_event else int(rng.integers(3))}
                before: Any = nodes.get(f"{start}_{target}0_{i}")
                nodes[name] = before or _connection(rng, kind, nodes[source].out_shape, n, more)
                if port and kind in ("conv", "dense"):
                    nodes[name] = replace(before, weight=before.weight[::-1], synapse=port)
                edges.append(Edge(source, name, int(rng.integers(2))))
                source = name
            edges.append(Edge(source, target, 0 if per_event and weighted else int(rng.integers(3))))
        return nodes[source].out_shape

    nodes["a"] = wild_population(rng, *way("in", "a", "conv"), rules=rules["a"])
    channels, *space = nodes["a"].shape
    nodes["back"] = IntConv(size=tuple(space), padding="same", **_weights(rng, (channels, channels, *(3,) * axes)))
    loop = [1, 0] if nodes["a"].per_event else rng.permutation([0, 1]).tolist()
    edges += [Edge("a", "back", loop[0]), Edge("back", "a", loop[1])]
    after = ["pool"] if rules["b"].accumulate == "sum" else []
    nodes["b"] = wild_population(rng, *way("a", "b", "pool", "conv", *after), rules=rules["b"])
    nodes["c"] = wild_population(rng, *way("a", "c", "pool", "flat", "dense"), rules=rules["c"])
    nodes["e"] = wild_population(rng, *way("in", "e", "pool"), rules=rules["e"])
    nodes["e_flat"] = Flatten(shape=nodes["e"].shape)
    for source, *kinds in (
        ("b", "flat", "dense"),
        ("c", "dense"),
        ("e_flat", "dense"),
        ("in", "pool", "flat", "dense"),
    ):
        way(source, "d", *kinds)
    nodes["d"] = wild_population(rng, n, rules=rules["d"])
    codes = rng.integers(code.format.lo, code.format.hi + 1, (10, 2, *nodes["in"].shape))
    codes *= rng.random(codes.shape) < 0.3
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes


def _connection(rng: np.random.Generator, kind: str, shape: tuple[int, ...], n: int, more: dict[str, int]):
    """A connection that takes a shape, its geometry drawn at random; ``n`` outputs of a dense one."""
    channels, *size = shape
    if kind == "flat":
        return Flatten(shape=shape)
    if kind == "dense":
        return _dense(rng, n, channels, **more)
    kernel = tuple(int(rng.integers(1, extent + 1)) for extent in np.minimum(size, 3))
    padding = tuple((int(rng.integers(3)), int(rng.integers(3))) for _ in size)
    stride = tuple(int(rng.integers(1, 4)) for _ in size)
    if kind == "pool":
        return SumPool(shape=shape, kernel=kernel, stride=stride, padding=padding)
    fits = [(extent - 1) // max(1, k - 1) for extent, k in zip(size, kernel, strict=True)]
    dilation = tuple(int(rng.integers(1, min(3, most) + 1)) if most else 1 for most in fits)
    groups = int(rng.choice([g for g in (1, 2, 4) if channels % g == 0]))
    weights = _weights(rng, (4, channels // groups, *kernel), **more)
    return IntConv(size=tuple(size), stride=stride, dilation=dilation, padding=padding, groups=groups, **weights)


def wild_population(rng: np.random.Generator, *shape: int, rules: Rules | None = None) -> IntLIF:
    """Neurons with every rule and number drawn at random."""
    rules = rules or wild_rules(rng)
    top = min(500, max(2, rules.membrane.hi // 4))
    size = () if rng.integers(2) else shape
    low = -3 if rules.max_spikes is not None and rng.random() < 0.2 else 1
    synapses = (0 if rules.current is None else rules.current.synapses, *shape)
    alias = None
    if rules.max_spikes is not None and rng.random() < 0.3 and len(shape) == 1:
        (n,) = shape
        alias = np.where(rng.random(n) < 0.5, rng.integers(0, n, n), -1)
    return IntLIF(
        shape=shape,
        rules=rules,
        decay=_amount(rng, rules.leak, size),
        current_decay=0 if rules.current is None else _amount(rng, rules.current.leak, synapses),
        threshold=rng.integers(low, top, size),
        reset_code=rng.integers(0, top, size),
        bias=rng.integers(-4, 5, size),
        v_initial=rng.integers(max(-top, rules.membrane.lo), top, size),
        refractory=rng.integers(0, 4, size) if rules.refractory else 0,
        alias=alias,
        unit=Fraction(1),
    )


def _amount(rng: np.random.Generator, leak: Leak, size) -> np.ndarray:
    return rng.integers(0, {"multiply": 1 << leak.bits, "shift": 6, "linear": 9, "none": 0}[leak.kind] + 1, size)


def wild_rules(rng: np.random.Generator) -> Rules:
    """Any rules that a population takes."""
    current = None
    if rng.random() < 0.5:
        when = ("before_input", "after_input")[rng.integers(2)]
        current = Current(word=_word(rng), leak=_leak(rng), when=when, synapses=int(rng.integers(1, 3)))
    leak, per_event = _leak(rng), rng.random() < 0.5
    late = bool(rng.integers(2))
    choice = {
        "membrane": _word(rng),
        "leak": leak,
        "leak_on_fire": bool(rng.integers(2)),
        "accumulate": "per_event" if per_event else "sum",
        "sum_word": None if per_event or rng.integers(2) else _word(rng),
        "current": current,
        "drive_word": None if rng.integers(2) else _word(rng),
        "increment": _word(rng, wraps=True) if leak.kind == "shift" and current else None,
        "compare": (">=", ">")[rng.integers(2)],
        "max_spikes": (1, 1, 3, None)[rng.integers(4)],
        "judged": "next_step_start" if late and rng.integers(2) else "step_end",
        "reset": ("subtract", "value")[rng.integers(2)],
        "reset_when": "next_step" if late else "step_end",
        "reset_saturates": bool(rng.integers(2)),
        "refractory": (waits := bool(rng.integers(2))),
        "waits_at": "membrane" if waits and rng.integers(2) else "zero",
    }
    rules = Rules(**choice)
    words = (rules.membrane, rules.sum_word, rules.drive_word, rules.increment, current and current.word)
    unsure = any(word and word.overflow == "wrap_once" for word in words)
    return replace(rules, max_spikes=3) if unsure and rules.max_spikes is None else rules


def _leak(rng: np.random.Generator) -> Leak:
    kind = ("multiply", "shift", "linear", "none")[rng.integers(4)]
    return Leak(
        kind=kind,
        bits=int(rng.integers(0, 16)),
        rounding=ROUNDINGS[rng.integers(4)],
        at_least_one=kind == "shift" and bool(rng.integers(2)),
    )


def _word(rng: np.random.Generator, *, wraps: bool = False) -> Word:
    bits, how = int(rng.integers(6, 17)), OVERFLOWS[rng.choice(3, p=[0.45, 0.4, 0.15])]
    bits += 8 * (how == "wrap_once")  # the sums of most networks leave it by less than its size
    if how == "saturate" and not wraps and rng.integers(2):
        return Word(lo=-int(rng.integers(0, 40)), hi=int(rng.integers(30, 900)))
    if rng.integers(3) == 0:
        return Word(lo=-(1 << (bits - 1)) + 1, hi=1 << (bits - 1), overflow=how)
    return Word.signed(bits, how)


def _dense(rng: np.random.Generator, n_out: int, n_in: int, **more) -> IntDense:
    return IntDense(**_weights(rng, (n_out, n_in), **more))


def _weights(rng: np.random.Generator, shape: tuple[int, ...], **more) -> dict[str, Any]:
    shift, bits = int(rng.integers(0, 3)), int(rng.choice([3, 5, 8, 12]))
    weight = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
    unit = Fraction(2) ** (shift - more.get("drop", 0))
    return {"weight": weight, "weight_bits": bits, "shift": shift, "unit": unit, **more}
