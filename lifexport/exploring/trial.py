"""One configuration: quantized, run, counted, proved; the same in whatever process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arrays
from ..certificate import certify
from ..costing import memory
from ..errors import LifexportError
from ..fidelity.comparing import check_labels
from ..findings import error
from ..network import FloatNetwork
from ..quantization import quantize
from ..quantspec import QuantSpec
from ..simulation import simulate
from ..targets import Target, load_target


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What every configuration is tried on.

    Parameters
    ----------
    network : FloatNetwork
    target : dict
        The target's description.
    x : array, shape ``(time, batch, *features)``
        Real inputs.
    labels : int array, shape ``(batch,)``, or None
    calibration : array or None
        Inputs for ``quantize``; None for ``x`` itself.
    predicted : int array, shape ``(batch,)``
        Classes that the trained network predicts.
    """

    network: FloatNetwork
    target: dict[str, Any]
    x: np.ndarray
    labels: np.ndarray | None
    calibration: np.ndarray | None
    predicted: np.ndarray


def attempt(task: Task, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of one configuration, as JSON; what is refused says by what.

    Notes
    -----
    ``right`` and ``same`` are counts of samples. ``headroom_bits`` is the least over populations that the certificate
    proves for every input: 0 or more means that no membrane ever overflows. ``unsafe`` is a network in which the
    certificate cannot exclude that some overflow rule acts.
    """
    try:
        calibration = task.x if task.calibration is None else task.calibration
        q = quantize(task.network, Target(task.target), calibration=calibration, spec=QuantSpec(**choices))
        trace = simulate(q, task.x.astype(np.float64), backend="reference")
        proof = certify(q)
    except LifexportError as refused:
        first = refused.findings[0]
        where = f"{first.where}: " if first.where else ""
        return {"choices": dict(choices), "refused": {"code": first.code, "found": f"{where}{first.found}"}}
    predicted = trace.prediction.labels
    headrooms = [row.headroom_bits for row in proof.populations.values()]
    return {
        "choices": dict(choices),
        "network": q.digest(),
        "samples": len(predicted),
        "right": None if task.labels is None else int((predicted == task.labels).sum()),
        "same": int((predicted == task.predicted).sum()),
        "memory_bits": sum(row.bits for row in memory(q)),
        "headroom_bits": None if None in headrooms else min(h for h in headrooms if h is not None),
        "unsafe": not proof.safe,
    }


def make_task(
    network: FloatNetwork,
    target: Any,
    x: np.ndarray,
    labels: np.ndarray | None,
    calibration: np.ndarray | None,
) -> Task:
    """Check what is given, once, and run the trained network.

    Raises
    ------
    LifexportError
        LX006 for what is no trained network, LX301 and LX205 for unusable inputs or labels.
    """
    if not isinstance(network, FloatNetwork):
        fix = "give what capture or from_nir returns"
        raise error("LX006", field="network", found=f"a {type(network).__name__}", fix=fix)
    x = arrays.numbers(x, node=network.input_name, code="LX301")
    network.check_real(x)
    labels = None if labels is None else check_labels(network, np.asarray(labels), x.shape[1])
    predicted = simulate(network, x.astype(np.float64)).prediction.labels
    return Task(
        network=network,
        target=load_target(target).document,
        x=x,
        labels=labels,
        calibration=calibration,
        predicted=predicted,
    )
