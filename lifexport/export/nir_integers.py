"""An integer network as the float network that computes the same but for what only integers do.

Codes become volts (``domain="real"``) or stay what they are (``"integer"``: one code is 1). Weights are integers in
both; a population's ``r`` says what one code stands for. Left out are roundings (of a leak, of dropped bits),
overflows, and the delays outside of loops, by which every part of the network is later by the same steps: they are in
the record.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np

from .. import graph
from ..findings import Finding, at_node, collect, error
from ..graph import Edge
from ..network import FloatNetwork, IntNetwork
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF, IntLIF
from ..nodes import FloatDense, Input, IntDense, IntWeights, Output
from ..spatial import Flatten, FloatConv, IntConv, SumPool
from .nir_profiles.folding import folded
from .nir_survey import all_of

Domain = Literal["real", "integer"]
DOMAINS: tuple[Domain, ...] = ("real", "integer")

FOREVER = 2.0**60
"""Steps of a time constant of which ``exp(-dt / tau)`` is 1 in float64."""
AT_ONCE = 2.0**-10
"""Steps of a time constant of which it is 0."""


def as_float(q: IntNetwork, domain: Domain = "real") -> FloatNetwork:
    """What an integer network computes, in real numbers.

    Parameters
    ----------
    q : IntNetwork
    domain : ``"real"`` | ``"integer"``
        Volts, fed with real inputs; or codes, fed with the codes of ``q.encode(x)``.

    Raises
    ------
    UnsupportedError
        LX401 for everything that no float population does.

    Examples
    --------
    >>> from lifexport.neurons import Leak, Rules, Word
    >>> from lifexport.nodes import InputCode, IntInput
    >>> rules = Rules(membrane=Word.signed(16), leak=Leak(bits=2))
    >>> lif = IntLIF(shape=(1,), rules=rules, decay=3, threshold=7, reset_code=7, unit=1)
    >>> nodes = {
    ...     "in": IntInput(shape=(2,), code=InputCode(kind="spikes")),
    ...     "fc": IntDense(weight=np.array([[1, 2]])),
    ...     "lif": lif,
    ...     "out": Output(shape=(1,)),
    ... }
    >>> edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    >>> node = as_float(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), "integer").nodes["lif"]
    >>> node.decay.round(12).tolist(), node.gain.round(12).tolist(), node.v_threshold.tolist(), node.v_reset.tolist()
    ([0.75], [1.0], [7.0], [0.0])
    """
    findings: list[Finding] = []
    nodes: dict[str, Any] = {}
    biases: dict[str, np.ndarray] = {}
    for name, node in q.nodes.items():
        with collect(findings), at_node(name):
            nodes[name] = _node(q, name, domain)
            if isinstance(node, IntLIF):
                biases[name] = node.bias / 2.0 ** _exponent(q, name)
    with collect(findings):
        edges = _without_delays(q)
    if findings:
        raise all_of(findings)
    rules: dict[str, Any] = {"dt": q.dt, "readout": q.readout, "state_reset": q.state_reset}
    net = FloatNetwork(nodes=nodes, edges=tuple(edges), **rules)
    if not any(bias.any() for bias in biases.values()):
        return net
    ones = {name: np.ones(bias.shape) for name, bias in biases.items()}
    nodes, edges = folded(net, ones, biases, first_bias=True)
    return FloatNetwork(nodes=nodes, edges=tuple(edges), **rules)


def lost(q: IntNetwork) -> tuple[Finding, ...]:
    """What the integers do and a reader of real numbers does not (LX415)."""
    fix = "hold the reader's spikes against lifexport.simulate of the integer network"
    found = []
    for name, node in q.nodes.items():
        if isinstance(node, IntWeights) and node.drop:
            found.append((name, "drop", f"the low {node.drop} bits of every sum are dropped"))
        if not isinstance(node, IntLIF):
            continue
        for field, leak, amount in _leaks(node):
            if rounds(leak, amount):
                how = "floor" if leak.kind == "shift" else leak.rounding
                found.append((name, field, f"every leak is rounded ({how})"))
        found.append((name, "membrane", f"{node.rules.membrane.overflow} beyond {node.rules.membrane.bits} bits"))
    if q.lateness[q.output_name]:
        found.append((None, "delay", f"the chip's output is {q.lateness[q.output_name]} steps later than the reader's"))
    if q.input_code.kind == "graded":
        found.append((q.input_name, "code", f"inputs are rounded and clipped to {q.input_code.bits} bits"))
    return tuple(Finding(code="LX415", node=node, field=field, found=text, fix=fix) for node, field, text in found)


def rounds(leak: Any, amount: np.ndarray) -> bool:
    """Whether a leak ever rounds: factors of 0 and 1 do not."""
    if leak.kind == "multiply":
        return bool(((amount != 0) & (amount != 1 << leak.bits)).any())
    return leak.kind == "shift" and bool((amount > 0).any())


def _leaks(node: IntLIF) -> list[tuple[str, Any, np.ndarray]]:
    leaks = [("decay", node.rules.leak, node.decay)]
    if node.rules.current is not None:
        leaks.append(("current_decay", node.rules.current.leak, node.current_decay))
    return leaks


def _node(q: IntNetwork, name: str, domain: Domain) -> Any:
    node = q.nodes[name]
    if isinstance(node, IntLIF):
        return _population(node, q.dt, domain, 2.0 ** _exponent(q, name))
    if isinstance(node, IntWeights):
        return _weights(q, name, domain)
    if node.role == "input":
        return Input(shape=node.shape)
    assert isinstance(node, SumPool | Flatten | Output)
    return node


def _weights(q: IntNetwork, name: str, domain: Domain) -> Any:
    """Codes that arrive at the membrane, of a real input ``code / unit`` of it.

    What the power of two is for all inputs of a population is in its ``r`` instead.
    """
    source = q.nodes[_origin(q, name)]
    arriving = float(source.code.unit) if source.role == "input" and domain == "real" else 1.0
    (target, *_) = _fed(q, name)
    return real_weights(q.nodes[name], 2.0 ** -_exponent(q, target) / arriving)


def real_weights(node: IntWeights, scale: float = 1.0) -> FloatDense | FloatConv:
    """Connection that delivers ``scale * 2**(shift - drop)`` codes for each of its weights."""
    weight = node.weight * (2.0 ** (node.shift - node.drop) * scale)
    if isinstance(node, IntDense):
        return FloatDense(weight=weight)
    assert isinstance(node, IntConv)
    moves = {field: getattr(node, field) for field in ("size", "stride", "dilation", "padding", "groups")}
    return FloatConv(weight=weight, **moves)


def _fed(q: IntNetwork, name: str) -> list[str]:
    """Populations that a connection feeds."""
    after = [edge.target for edge in q.outgoing(name)]
    return [p for target in after for p in ([target] if target in q.populations else _fed(q, target))]


def _exponent(q: IntNetwork, population: str) -> int:
    """Power of two by which all weights of a population are multiplied, and of all that they feed; else 0."""
    found = set()
    for edge in q.incoming(population):
        weights = [name for name in q.way(edge) if isinstance(q.nodes[name], IntWeights)]
        if not weights or len(_fed(q, weights[0])) > 1:
            return 0
        found.add(q.nodes[weights[0]].shift - q.nodes[weights[0]].drop)
    return found.pop() if len(found) == 1 else 0


def _origin(q: IntNetwork, name: str) -> str:
    while q.nodes[name].role == "connection":
        name = q.incoming(name)[0].source
    return name


def _population(node: IntLIF, dt: float, domain: Domain, weight: float) -> Any:
    """Population of a chip's neurons; ``weight`` is how many codes 1 in the weights stands for."""
    _require_plain(node)
    rules = node.rules
    volt = node.volt if domain == "real" else np.ones(node.shape)
    rest = node.v_rest if domain == "real" else np.zeros(node.shape)
    decay = np.broadcast_to(rules.leak.realised(node.decay), node.shape)
    tau = _tau(decay, dt)
    fields: dict[str, Any] = {"shape": node.shape, "dt": dt, "v_rest": rest, "v_initial": rest + node.v_initial * volt}
    leaky = {"tau": tau, "r": weight * volt / -np.expm1(-dt / tau)}
    if not node.spiking:
        return FloatLI(**fields, **leaky)
    low = node.threshold - node.reset_code if rules.reset == "subtract" else node.reset_code
    fields |= {"v_threshold": rest + node.threshold * volt, "v_reset": rest + low * volt}
    fields |= {"reset": rules.reset, "compare": rules.compare, "refractory": node.refractory}
    if _filters(node) and rules.current is not None:
        kept = np.broadcast_to(rules.current.leak.realised(node.current_decay[0]), node.shape)
        w_in = kept if rules.current.when == "after_input" else np.ones(node.shape)
        current = {"tau_syn": _tau(kept, dt), "w_in": w_in, "i_initial": node.current_initial[0] / weight}
        return FloatCubaLIF(**fields, **leaky, **current)
    if (decay == 1).all():
        return FloatIAF(**fields, r=weight * volt / dt)
    return FloatLIF(**fields, **leaky)


def _tau(decay: np.ndarray, dt: float) -> np.ndarray:
    """Time constant of which the exact solution over a step keeps ``decay``."""
    inside = np.clip(decay, 1e-300, 1 - 1e-16)
    return np.where(decay == 1, dt * FOREVER, np.where(decay == 0, dt * AT_ONCE, -dt / np.log(inside)))


def _require_plain(node: IntLIF) -> None:
    """Refuse (LX401) rules that no float population has."""
    rules = node.rules
    refused: list[tuple[str, bool, str]] = [
        ("leak", rules.leak.kind not in ("multiply", "shift", "none"), f"a {rules.leak.kind} leak"),
        ("leak_on_fire", not (rules.leak_on_fire or _at_zero(node)), "neurons that do not leak in the step they fire"),
        ("max_spikes", rules.max_spikes not in (0, 1), f"up to {rules.max_spikes or 'any number of'} spikes a step"),
        ("alias", node.alias is not None, "neurons that emit each other's spikes"),
        ("reset_code", node.spiking and bool((_low(node) >= node.threshold).any()), "a reset not below threshold"),
        (
            "v_initial",
            rules.reset_when == "step_end" and bool((node.v_initial >= node.threshold).any()),
            "a late reset",
        ),
        ("refractory", _waits_elsewhere(node), "neurons that wait at zero, not where the reset left them"),
    ]
    if rules.current is not None and _filters(node):
        refused += [
            ("current", rules.current.leak.kind not in ("multiply", "shift", "none"), "a linear leak of the current"),
            ("current", rules.current.synapses > 1, f"{rules.current.synapses} currents"),
            ("current", not node.spiking, "a current before neurons that never spike"),
            ("bias", bool(node.bias.any()), "a bias behind a synaptic current"),
        ]
    findings = [
        Finding(code="LX401", field=field, found=f"{found}, which no node of NIR has", fix="export it with to_onnx")
        for field, refuse, found in refused
        if refuse
    ]
    if findings:
        raise all_of(findings)


def _filters(node: IntLIF) -> bool:
    """Whether a current keeps anything from step to step; one that does not hands on what arrives."""
    rule = node.rules.current
    if rule is None:
        return False
    forgets = not rule.leak.realised(node.current_decay).any() and not node.current_initial.any()
    return rule.synapses > 1 or rule.when == "after_input" or not forgets


def _at_zero(node: IntLIF) -> bool:
    """Whether a spike leaves the membrane at zero, where a leak does nothing."""
    return node.rules.reset == "value" and not node.reset_code.any()


def _waits_elsewhere(node: IntLIF) -> bool:
    at_reset = node.rules.waits_at == "membrane" or _at_zero(node)
    return bool((node.refractory > 1).any()) and not at_reset


def _low(node: IntLIF) -> np.ndarray:
    return node.threshold - node.reset_code if node.rules.reset == "subtract" else node.reset_code


def _without_delays(q: IntNetwork) -> list[Edge]:
    """Edges with the delays of loops alone; a late spike is a late edge.

    Raises
    ------
    UnsupportedError
        LX401 for a loop of more than one step, and for ways of different lengths to one node, which only delays
        balance.
    """
    loops = [set(loop) for loop in graph.loops(q.nodes, q.edges)]
    own = {name: node.latency if node.role == "population" else 0 for name, node in q.nodes.items()}
    late = q.lateness
    edges = []
    for edge in q.edges:
        inside = any({edge.source, edge.target} <= loop for loop in loops)
        total = edge.delay + own[edge.source]
        if inside:
            if total > 1:
                fix = "NIR's readers hand feedback on one step later; choose a target that does"
                raise error("LX401", node=edge.source, field="delay", found=f"feedback {total} steps late", fix=fix)
            edges.append(dataclasses.replace(edge, delay=total))
            continue
        if late[edge.target] != late[edge.source] + total and edge.target != q.output_name:
            found, fix = (
                f"inputs that are {late[edge.target]} steps late on one way, and less on another",
                "balance them",
            )
            raise error("LX401", node=edge.target, field="delay", found=found, fix=fix)
        edges.append(dataclasses.replace(edge, delay=0))
    return edges
