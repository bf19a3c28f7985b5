"""Proof of a file in the QONNX dialect: every step of it, in two runtimes, against the reference simulator.

``Quant`` and ``BipolarQuant`` are run by their definition (``onnx_qonnx.runnable``); what qonnx and hls4ml themselves
make of a file, the tests of ``tests/interop`` show where they are installed.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto  # noqa: TID251

from ..findings import error
from ..network import IntNetwork
from ..simulation import simulate
from ..simulation.stepwise import initial_state
from ..simulation.trace import State
from .onnx_qonnx import runnable
from .onnx_qonnx_ops import identifier
from .onnx_running import RUNTIMES
from .onnx_step import state_tensors


def prove_qonnx(
    model: ModelProto, network: IntNetwork, cases: list[tuple[str, np.ndarray, State | None]]
) -> tuple[str, ...]:
    """Run a file sample by sample and step by step.

    Parameters
    ----------
    model : ModelProto
        The file.
    network : IntNetwork
        What it must compute.
    cases : list of (str, int array ``(time, batch, *features)``, State or None)
        Inputs and states to run.

    Returns
    -------
    tuple of str
        What was proved, in words.

    Raises
    ------
    MismatchError
        LX402 at the first difference: tensor, step and sample.
    """
    twin, values = runnable(model), 0
    for name, start in RUNTIMES.items():
        run = start(twin)
        for label, codes, given in cases:
            state = given or initial_state(network, codes.shape[1])
            for step, now in enumerate(codes):
                trace = simulate(network, now[None], backend="reference", state=state)
                before, after = (_tensors(network, part) for part in (state, trace.final_state))
                expected = {f"{part}_next": value for part, value in after.items()} | {"spikes": trace.output[0]}
                for sample in range(codes.shape[1]):
                    feed = {part: value[sample : sample + 1] for part, value in before.items()}
                    got = run({"x": now[sample : sample + 1].astype(np.float32), **feed})
                    for part, right in expected.items():
                        _require(f"{name}, {label}, step {step}, sample {sample}", part, got[part][0], right[sample])
                        values += right[sample].size
                state = trace.final_state
    said = f"bit-equal to the reference simulator in {' and '.join(RUNTIMES)}, Quant and BipolarQuant by definition"
    return (f"{said}: {values} values, 0 differ",)


def _tensors(network: IntNetwork, state: State) -> dict[str, np.ndarray]:
    tensors = state_tensors(network, state).items()
    return {identifier(part): np.asarray(value).astype(np.float32) for part, value in tensors}


def _require(label: str, name: str, got: np.ndarray, right: np.ndarray) -> None:
    differs = got != right
    if np.any(differs):
        index = tuple(int(i) for i in np.argwhere(differs)[0])
        found = f"{label}: {got[index]} instead of {right[index]}"
        raise error("LX402", node=name, index=index, found=found, fix="please report this")
