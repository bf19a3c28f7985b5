"""From the trained network to the chip's integers: scales, codes, refusals.

The float network is first re-parameterised, exactly: potentials are counted from the resting potential, and the input
gain of every neuron is folded into the weights and biases that feed it. Then every number becomes a code.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .findings import Finding, at_node, error, raise_errors, unknown_name
from .fixedpoint import QFormat, dyadic, encode, nearest
from .graph import loops
from .input_code import infer_input_code, require_input_code
from .network import FloatNetwork, IntNetwork
from .neurons import FloatLIF, IntLIF, Leak, Rules
from .nodes import FloatDense, InputCode, IntDense, IntInput, Output
from .quantspec import Choices, QuantSpec, resolve
from .targets import Target, choose_rules, load_target, violations


def quantize(
    network: FloatNetwork,
    target: str | os.PathLike[str] | Target,
    *,
    calibration: np.ndarray | None = None,
    spec: QuantSpec | None = None,
    **choices: Any,
) -> IntNetwork:
    r"""Quantize a trained network for a target.

    Per population, with :math:`\theta = v_{th} - v_{rest}` and gain :math:`\gamma`:

    .. math::
       \mathrm{lsb} &= m \max\theta / (2^{b_v - 1} - 1) \quad (m = \text{membrane\_range}) \\
       s_w &= \max|\gamma w|\, a / (2^{b_w - 1} - 1) \quad (a = \text{unit of the input code}) \\
       q &= s_w / 2^{\lfloor \log_2 (s_w / \mathrm{lsb}) \rfloor} \text{ if } s_w > \mathrm{lsb}
            \text{ else } \mathrm{lsb}

    and every potential is coded in units of :math:`q`, every weight in units of :math:`q 2^{shift} / a`. The range is
    a multiple of the threshold, not the largest membrane seen: a soft-reset membrane runs far above threshold, and
    clipping it there costs nothing, while the bits lost below threshold cost everything.

    Parameters
    ----------
    network : FloatNetwork
        As ``capture`` or ``from_nir`` return it.
    target : str, path or Target
        Shipped name, JSON file, or a loaded target.
    calibration : float array, shape ``(time, batch, *features)``, optional
        Inputs as in training; decides the input code. Needed unless ``input`` is given.
    spec : QuantSpec, optional
        Choices within the target's ranges; single ones may be given as keywords instead.
    **choices
        Fields of ``QuantSpec``: ``weight_bits=4, state_bits=12, rounding="half_even"``, ...

    Returns
    -------
    IntNetwork

    Raises
    ------
    LifexportError
        LX2xx: what the target cannot express, what does not fit, and unusable calibration data, each by name.

    Examples
    --------
    >>> from lifexport.graph import Edge
    >>> from lifexport.nodes import Input
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=[[3.0, -6.0]]), "lif": lif, "out": Output(shape=(1,))}
    >>> net = FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    >>> q = quantize(net, "fpga-q", calibration=np.ones((5, 1, 2)), weight_bits=4, state_bits=8)
    >>> q.nodes["fc"].weight.tolist(), int(q.nodes["lif"].decay[0]), q.input_code.kind
    ([[3, -7]], 3706, 'spikes')
    """
    if not isinstance(network, FloatNetwork):
        fix = "capture a trained module with lifexport.capture first"
        raise error("LX006", field="network", found=f"a {type(network).__name__}", fix=fix)
    target = load_target(target)
    spec = _spec(spec, choices)
    raise_errors(inexpressible(network, target))
    chosen = resolve(spec, target)
    if chosen.input is None:
        code = infer_input_code(network, calibration, chosen.input_bits, target)
    else:
        code = require_input_code(chosen.input, target)
    nodes: dict[str, Any] = {}
    for name, node in network.nodes.items():
        if node.role == "input":
            nodes[name] = IntInput(shape=node.shape, code=code)
        elif node.role == "output":
            nodes[name] = Output(shape=node.shape)
        elif node.role == "population":
            with at_node(name):
                feeding = _feeding(network, name, code)
                nodes[name], unit = _population(node, feeding, chosen, target)
            for connection in feeding:
                with at_node(connection.name):
                    nodes[connection.name] = _dense(connection, unit, chosen, target)
    return IntNetwork(
        nodes=nodes,
        edges=network.edges,
        dt=network.dt,
        readout=network.readout,
        state_reset=network.state_reset,
        target=target.name,
        target_digest=target.digest,
    )


def _spec(spec: QuantSpec | None, choices: dict[str, Any]) -> QuantSpec:
    if spec is not None and choices:
        raise error("LX006", found=f"both spec= and {', '.join(choices)}", fix="put every choice into the QuantSpec")
    if spec is not None and not isinstance(spec, QuantSpec):
        raise error("LX006", field="spec", found=f"a {type(spec).__name__}", fix="give a QuantSpec")
    known = [field.name for field in dataclasses.fields(QuantSpec)]
    for name in choices:
        if name not in known:
            raise unknown_name("choice", name, known, code="LX006")
    return spec or QuantSpec(**choices)


def inexpressible(network: FloatNetwork, target: Target) -> Iterable[Finding]:
    """Every feature of the network that the target has no rule for, all at once (LX203)."""
    rules = target.document
    yield from _not_quantized_for(target)
    chip = f"target {target.name!r}"
    for name, node in network.nodes.items():
        if node.role == "connection":
            targets = [edge.target for edge in network.outgoing(name)]
            if len(targets) > 1 or network.nodes[targets[0]].role != "population":
                fix = "give every population a connection of its own"
                yield Finding(code="LX203", node=name, found=f"a connection into {', '.join(targets)}", fix=fix)
        if node.role == "population":
            for edge in network.incoming(name):
                if network.nodes[edge.source].role != "connection":
                    found, fix = f"fed by {edge.source!r} without weights", "put a Dense connection between them"
                    yield Finding(code="LX203", node=name, found=found, fix=fix)
            if node.reset not in rules["reset"]["modes"]:
                found, fix = f"reset {node.reset!r}; {chip} has {rules['reset']['modes']}", "train with another reset"
                yield Finding(code="LX203", node=name, field="reset", found=found, fix=fix)
        if isinstance(node, FloatDense) and rules["bias"] is None and node.bias is not None and node.bias.any():
            yield Finding(code="LX203", node=name, field="bias", found=f"{chip} has no bias", fix="train without")
    yield from violations(network, target)
    looping = loops(network.nodes, network.edges)
    for edge in network.edges:
        if edge.delay and not any(edge.source in group and edge.target in group for group in looping):
            yield Finding(
                code="LX203", found=f"edge {edge}; {chip} has no axonal delays", fix="train without the delay"
            )


def _not_quantized_for(target: Target) -> Iterable[Finding]:
    """Rules of a target that a network is not quantized for: its neurons run whatever integers they are given."""
    rules = choose_rules(target)
    plain = Rules(membrane=rules.membrane, leak=rules.leak, reset=rules.reset)
    known = {field.name: getattr(plain, field.name) for field in dataclasses.fields(Rules)} | {
        "leak": Leak(bits=rules.leak.bits)
    }
    found = {name: getattr(rules, name) for name in known} | {"leak": dataclasses.replace(rules.leak, rounding="floor")}
    different = [name for name in known if found[name] != known[name]]
    document = target.document
    unread = {
        "delivery.feedforward": (document["delivery"]["feedforward"], 0),
        "weight.step": (document["weight"].get("step", 1), 1),
        "weight.shift.min": (document["weight"]["shift"]["min"], 0),
        "leak.per": (document["leak"]["per"], "neuron"),
        "leak.offset": (document["leak"].get("offset", 0), 0),
        "threshold.per": (document["threshold"]["per"], "neuron"),
        "threshold.signed": (document["threshold"].get("signed", True), True),
        "reset.amount": (document["reset"]["amount"], "any"),
        "initial_state": (document["initial_state"], "any"),
        "state.lo": ("lo" in document["state"], False),
    }
    different += [name for name, (declared, mapped) in unread.items() if declared != mapped]
    if different:
        fix = "quantize for fpga-q, or build the IntNetwork from the chip's integers"
        yield Finding(code="LX203", found=f"quantize has no map onto {target.name!r}: {', '.join(different)}", fix=fix)


@dataclass(frozen=True)
class _Feeding:
    """A connection into a population, with the population's gain folded in."""

    name: str
    weight: np.ndarray
    """Volt per unit of real input, ``(out, in)``."""
    bias: np.ndarray
    """Volt per step, ``(out,)``."""
    arriving: Fraction
    """Real input that code 1 of the source stands for."""


def _feeding(network: FloatNetwork, name: str, code: InputCode) -> list[_Feeding]:
    node: FloatLIF = network.nodes[name]
    found = []
    for edge in network.incoming(name):
        dense: FloatDense = network.nodes[edge.source]
        source = network.nodes[network.incoming(edge.source)[0].source]
        arriving = code.unit if source.role == "input" else Fraction(1)
        bias = np.zeros(node.shape) if dense.bias is None else dense.bias * node.gain
        found.append(_Feeding(edge.source, dense.weight * node.gain[:, None], bias, arriving))
    return found


def _population(node: FloatLIF, feeding: list[_Feeding], chosen: Choices, target: Target) -> tuple[IntLIF, Fraction]:
    threshold, reset = node.v_threshold - node.v_rest, node.v_reset - node.v_rest
    initial, drop = node.v_initial - node.v_rest, node.v_threshold - node.v_reset
    if (threshold <= 0).any():
        index = tuple(int(i) for i in np.argwhere(threshold <= 0)[0])
        raise error(
            "LX207",
            field="v_threshold",
            index=index,
            found=f"{node.v_threshold[index]} V with v_rest {node.v_rest[index]} V",
            fix="raise v_threshold above v_rest (a constant drive can be a bias)",
        )
    reach = max(chosen.membrane_range * float(threshold.max()), float(abs(reset).max()), float(abs(initial).max()))
    unit = _membrane_unit(reach, feeding, chosen)
    state = QFormat(bits=chosen.state_bits, unit=unit)
    above = threshold + float(unit) if node.compare == ">" else threshold  # v > t is v >= t + 1 on integers
    threshold_code, threshold_shift = _shifted(above, unit, chosen.threshold_bits, "threshold", target)
    bias_code, bias_shift = _shifted(np.sum([f.bias for f in feeding], axis=0), unit, chosen.bias_bits, "bias", target)
    reset_code = encode(drop if node.reset == "subtract" else reset, QFormat(bits=32, unit=unit), field="reset")
    _require_sensible(threshold_code, reset_code, node.reset, unit)
    population = IntLIF(
        shape=node.shape,
        rules=choose_rules(
            target,
            state_bits=chosen.state_bits,
            overflow=chosen.overflow,
            decay_bits=chosen.decay_bits,
            rounding=chosen.rounding,
            reset=node.reset,
        ),
        decay=_decay(node.decay, chosen),
        threshold=threshold_code,
        threshold_shift=threshold_shift,
        reset_code=reset_code,
        bias=bias_code,
        bias_shift=bias_shift,
        v_initial=encode(initial, state, field="v_initial"),
        unit=unit,
        v_rest=node.v_rest,
    )
    return population, unit


def _membrane_unit(reach: float, feeding: list[_Feeding], chosen: Choices) -> Fraction:
    lsb = reach / QFormat(bits=chosen.state_bits).hi
    weight_hi = QFormat(bits=chosen.weight_bits).hi
    step = max(float(np.abs(f.weight).max()) * float(f.arriving) / weight_hi for f in feeding)
    unit = dyadic(lsb)
    return dyadic(step / 2 ** math.floor(math.log2(step / lsb))) if step > lsb else unit


def _shifted(values: np.ndarray, unit: Fraction, bits: int, field: str, target: Target) -> tuple[np.ndarray, int]:
    """Codes ``mantissa << shift`` with the smallest shift whose mantissas fit in ``bits``."""
    if not values.any():
        return np.zeros(values.shape, np.int64), 0
    hi, shift = QFormat(bits=bits).hi, target.document[field]["shift"]["min"]
    while np.abs(nearest(values, unit * 2**shift)).max() > hi:
        shift += 1
    _require_shift(shift, target, field, f"more {field}_bits or fewer state_bits")
    return encode(values, QFormat(bits=bits, unit=unit * 2**shift), field=field) << shift, shift


def _require_shift(shift: int, target: Target, field: str, instead: str) -> None:
    most = target.document[field]["shift"]["max"]
    if shift > most:
        found = f"needs a shift of {shift}; target {target.name!r} has {most}"
        raise error("LX204", field=field, found=found, fix=f"use {instead}")


def _decay(decay: np.ndarray, chosen: Choices) -> np.ndarray:
    one = 1 << chosen.decay_bits
    codes = np.rint(decay * one).astype(np.int64)
    lost = (codes == 0) | (codes == one)
    if lost.any() and "decay" not in chosen.approximate:
        index = tuple(int(i) for i in np.argwhere(lost)[0])
        raise error(
            "LX206",
            field="tau",
            index=index,
            found=f"decay {decay[index]:.6g} rounds to {codes[index] // one} with {chosen.decay_bits} bits",
            fix='use more decay_bits, or accept the loss by approximate=("decay",)',
        )
    return codes


def _require_sensible(threshold: np.ndarray, reset: np.ndarray, mode: str, unit: Fraction) -> None:
    """After rounding a threshold must still be positive and above the reset, and a subtraction must subtract."""
    bad = (threshold < 1) | ((reset < 1) if mode == "subtract" else (reset >= threshold))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise error(
            "LX204",
            field="threshold",
            index=index,
            found=f"threshold code {threshold[index]}, reset code {reset[index]} in units of {float(unit):.3g} V",
            fix="use more state_bits or a smaller membrane_range, so that the threshold spans more codes",
        )


def _dense(feeding: _Feeding, unit: Fraction, chosen: Choices, target: Target) -> IntDense:
    weights = QFormat(bits=chosen.weight_bits, symmetric=target.document["weight"]["symmetric"])
    shift = 0
    while np.abs(nearest(feeding.weight, unit * 2**shift / feeding.arriving)).max() > weights.hi:
        shift += 1
    _require_shift(shift, target, "weight", "fewer state_bits or more weight_bits")
    fmt = QFormat(bits=chosen.weight_bits, unit=unit * 2**shift / feeding.arriving, symmetric=weights.symmetric)
    codes = encode(feeding.weight, fmt, field="weight")
    return IntDense(weight=codes, weight_bits=chosen.weight_bits, unit=fmt.unit, shift=shift)
