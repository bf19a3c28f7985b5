"""One time step of a population, recorded as ONNX nodes, and the state it carries.

Integer neurons are recorded from their own step (``IntLIF.step``). Trained ones are written here for float32, which is
another arithmetic than the float64 of their own step; ``onnx_float_proof.py`` bounds by how much it differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper  # noqa: TID251

from ..neurons import Arriving, FloatCubaLIF, IntLIF, StepResult
from ..neurons.int_lif import LIFState
from ..neurons.membrane import FloatMembrane, Spiking
from ..simulation import stepwise
from .onnx_ops import OnnxOps

Neuron = IntLIF | FloatMembrane
"""Every kind of population this room records."""


class Recorded(NamedTuple):
    """Tensors a recorded step leaves."""

    spikes: str
    """In the type in which they go on inside the graph."""
    v: str
    """Membrane after integration, before its reset."""
    after: dict[str, str]
    """What every part of the state holds after the step."""
    fired: str | None
    """Whether every neuron spikes, as ``remembered_type`` has it, where the next step may take it from this one."""

    def seen_as(self, names: Mapping[str, str]) -> Recorded:
        """The same with other names for tensors."""
        after = {part: names.get(tensor, tensor) for part, tensor in self.after.items()}
        fired = None if self.fired is None else names.get(self.fired, self.fired)
        return Recorded(names.get(self.spikes, self.spikes), names.get(self.v, self.v), after, fired)


def parts(node: Neuron, state: Any) -> dict[str, Any]:
    """Parts of a population's state, as its tensors are named.

    ``V`` is the membrane before its reset where that waits for the next step; where it is done at once the state holds
    the membrane after it, ``V_post``.
    """
    found = {membrane_part(node): state.v}
    found |= {f"current{port}": current for port, current in enumerate(state.current)}
    return found if state.waiting is None else found | {"waiting": state.waiting}


def membrane_part(node: Neuron) -> str:
    """Name of the part of the state that is the membrane."""
    return "V_post" if isinstance(node, IntLIF) and node.rules.reset_when == "step_end" else "V"


def stored_range(node: IntLIF) -> tuple[int, int]:
    """Lowest and highest value of the membrane that is carried from step to step."""
    word, codes = node.rules.membrane, node.reset_code
    if node.rules.reset_when == "next_step":
        return word.lo, word.hi
    if node.rules.reset == "value":
        return min(word.lo, int(codes.min())), max(word.hi, int(codes.max()))
    if ((codes >= 0) & (codes <= node.threshold)).all():
        return min(word.lo, 0), word.hi
    return -node.reset_bound(), node.reset_bound()


def spike_type(node: Neuron) -> int:
    """ONNX type of spikes that leave a file."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(stepwise.spike_type(node)))


@singledispatch
def part_type(node: Neuron, part: str) -> int:
    """ONNX type in which a part of the state is kept."""
    return TensorProto.INT32


@part_type.register
def _(node: FloatMembrane, part: str) -> int:
    return TensorProto.INT32 if part == "waiting" else TensorProto.FLOAT


def remembered_type(node: Neuron) -> int:
    """ONNX type in which a loop carries which neurons fired: that in which they go on, or a truth value."""
    return TensorProto.FLOAT if isinstance(node, FloatMembrane) else TensorProto.BOOL


@singledispatch
def described(node: Neuron, name: str) -> dict[str, str]:
    """What the parts of a population's state are, in words."""
    raise NotImplementedError(type(node).__name__)


@described.register
def _(node: IntLIF, name: str) -> dict[str, str]:
    lo, hi = stored_range(node)
    when = "before its reset" if node.rules.reset_when == "next_step" else "after its reset"
    code = f"code 1 is {float(node.unit):.6g} V above rest" if (node.scale == 1).all() else "units differ by neuron"
    docs = {membrane_part(node): f"Membrane of {name} {when}, {lo}..{hi}; {code}."}
    if node.rules.current is not None:
        word = node.rules.current.word
        for port in range(node.synapses):
            docs[f"current{port}"] = f"Synaptic current {port} of {name}, {word.lo}..{word.hi}."
    return docs | {"waiting": f"Steps for which the membrane of {name} will still be held."}


@described.register
def _(node: FloatMembrane, name: str) -> dict[str, str]:
    return {
        "V": f"Membrane of {name} before its reset, volt.",
        "current0": f"Synaptic current of {name}, ampere.",
        "waiting": f"Steps for which the membrane of {name} will still be held.",
    }


@singledispatch
def threshold_of(node: Neuron, ops: OnnxOps) -> str | None:
    """Lowest membrane that fires, where a spike follows from the stored membrane by one comparison; else None."""
    return None


@threshold_of.register
def _(node: IntLIF, ops: OnnxOps) -> str | None:
    narrow = ops.dtype == TensorProto.INT32
    once = node.rules.reset_when == "next_step" and node.max_spikes == 1
    return ops.const(*node.fires_at()) if narrow and once else None


@threshold_of.register
def _(node: Spiking, ops: OnnxOps) -> str | None:
    return ops.const(*fires_at(node))


def fires_at(node: Spiking) -> tuple[np.ndarray, str]:
    """Lowest float32 membrane that fires, and its name."""
    threshold = node.v_threshold.astype(np.float32)
    if node.compare == ">=":
        return threshold, "v_threshold"
    return np.nextafter(threshold, np.float32(np.inf)), "above_threshold"


@singledispatch
def record(node: Neuron, ops: OnnxOps, before: Mapping[str, str], arriving: Sequence[Sequence[Any]]) -> Recorded:
    """Record a step from the parts of the state and, for every port, what arrives there.

    Whether ``before["V"]`` has fired is taken from ``ops.compared`` if that knows it.
    """
    raise NotImplementedError(type(node).__name__)


@record.register
def _(node: IntLIF, ops: OnnxOps, before: Mapping[str, str], arriving: Sequence[Sequence[Any]]) -> Recorded:
    threshold = threshold_of(node, ops)
    wide = {
        part: name if ops.dtype == TensorProto.INT32 else ops.cast(name, ops.dtype, "state_wide")
        for part, name in before.items()
    }
    currents = tuple(wide[f"current{port}"] for port in range(len(node.initial_state().current)))
    state = LIFState(wide[membrane_part(node)], currents, wide.get("waiting"))
    result: StepResult = node.step(ops, state, Arriving(tuple(arriving)))
    fired = None if threshold is None else ops.compared[result.state.v, threshold]

    def narrow(value: str) -> str:
        return value if ops.dtype == TensorProto.INT32 else ops.cast(value, TensorProto.INT32, "state")

    after = {part: narrow(value) for part, value in parts(node, result.state).items()}
    counts = node.max_spikes != 1 and spike_type(node) == ops.dtype
    spikes = result.spikes if counts else ops.cast(result.spikes, spike_type(node), "spikes")
    return Recorded(spikes, narrow(result.v), after, fired)


@record.register
def _(node: FloatMembrane, ops: OnnxOps, before: Mapping[str, str], arriving: Sequence[Sequence[Any]]) -> Recorded:
    """In volt: ``V <- decay * V' + offset + drive``; ``V'`` after its reset, ``offset`` is ``(1 - decay) * v_rest``."""
    after: dict[str, str] = {}
    (drive, *others) = arriving[0]
    for other in others:
        drive = ops.add(drive, other)
    if isinstance(node, FloatCubaLIF):
        kept = times(ops, before["current0"], node.current_decay, "current_decay")
        after["current0"] = ops.add(kept, drive)
        drive = times(ops, after["current0"], node.gain, "gain")
    v = _after_reset(node, ops, before["V"]) if isinstance(node, Spiking) else before["V"]
    kept = ops.add(times(ops, v, node.decay, "decay"), ops.const((1 - node.decay) * node.v_rest, "offset"))
    v_next = ops.add(kept, drive)
    counts = ops.carrying(TensorProto.INT32)
    if "waiting" in before:
        held = counts.ge(before["waiting"], counts.number(1))
        v_next = ops.emit("Where", held, v, v_next, label="held")
    after = {"V": v_next, **after}
    if not isinstance(node, Spiking):
        never = ops.emit("Less", v_next, v_next, label="never")
        return Recorded(ops.cast(never, ops.dtype, "spikes"), v_next, after, None)
    fired = ops.ge(v_next, ops.const(*fires_at(node)))
    if "waiting" in before:
        left = counts.maximum(counts.sub(before["waiting"], counts.number(1)), counts.number(0))
        anew = counts.const(np.maximum(node.refractory - 1, 0), "waits")
        after["waiting"] = counts.add(left, counts.gate(fired, counts.sub(anew, left)))
    spikes = ops.cast(fired, ops.dtype, "fired")
    return Recorded(spikes, v_next, after, spikes)


def _after_reset(node: Spiking, ops: OnnxOps, v: str) -> str:
    if node.reset == "none":
        return v
    fired = ops.cast(ops.ge(v, ops.const(*fires_at(node))), ops.dtype, "fired")
    if node.reset == "subtract":
        return ops.sub(v, times(ops, fired, node.v_threshold - node.v_reset, "v_step", label="gate"))
    kept = ops.mul(v, ops.sub(ops.number(1), fired))
    return kept if not node.v_reset.any() else ops.add(kept, ops.mul(fired, ops.const(node.v_reset, "v_reset")))


def times(ops: OnnxOps, x: str, factor: np.ndarray, name: str, label: str = "product") -> str:
    """Product with a parameter, unless that is one."""
    return x if (factor == 1).all() else ops.emit("Mul", x, ops.const(factor, name), label=label)


def input_gain(node: Neuron) -> tuple[np.ndarray, str]:
    """What multiplies all that arrives at a population, and its name."""
    if isinstance(node, FloatCubaLIF):
        return node.w_in, "w_in"
    return (node.gain, "gain") if isinstance(node, FloatMembrane) else (np.ones(()), "gain")
