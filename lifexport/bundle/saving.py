"""``save``: everything about a network in one folder, proved, sealed and byte for byte reproducible."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import arrays
from ..certificate import certify
from ..costing import cost
from ..errors import RangeError, UnsupportedError
from ..export.provenance import plain
from ..fidelity import FidelityReport, Thresholds, compare
from ..fidelity.comparing import require_pair
from ..fidelity.evidence import another_parent
from ..files import readable_json, require_folder_name, whole_folder, write_text
from ..findings import Finding, error
from ..network import FloatNetwork, IntNetwork
from ..origin import stated
from ..quantspec import QuantSpec
from ..reporting import save_html
from ..targets import Target, load_target, target_names
from . import golden, manifest
from .hdl import write_hdl
from .intnetwork import save_intnetwork
from .specification import save_quantspec

NETWORK, NIR, ONNX = "network.json", "model.nir", "model.onnx"
CERTIFICATE, FIDELITY, REPORT = "certificate.json", "fidelity.json", "report.html"
COST = "cost.json"
TARGET, SPEC = "target.json", "quantspec.json"
ROLES = {
    NETWORK: "integer network",
    NIR: "trained network, NIR",
    ONNX: "integer network, ONNX",
    golden.INDEX: "golden vectors, index",
    golden.DATA: "golden vectors",
    CERTIFICATE: "static proof",
    FIDELITY: "fidelity",
    COST: "memory, and work on the inputs",
    REPORT: "fidelity, for people",
    TARGET: "target description",
    SPEC: "choices of the quantization",
}
"""File of a bundle -> what it is for."""

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A bundle that was written.

    Parameters
    ----------
    path : Path
    seal : str
        Digest of its manifest, for ``lifexport verify --expect``.
    report : FidelityReport or None
        None without trained network and inputs.
    proofs : tuple of str
        What was checked while it was written, in words.
    findings : tuple of Finding
        What readers should know; never of severity ``error``, but for a failed verdict (LX506) and a trained network
        that ``q`` was not quantized from (LX511).
    """

    path: Path
    seal: str
    report: FidelityReport | None
    proofs: tuple[str, ...]
    findings: tuple[Finding, ...]


def save(
    q: IntNetwork,
    path: str | os.PathLike[str],
    *,
    trained: FloatNetwork | None = None,
    inputs: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    spec: QuantSpec | None = None,
    target: Target | str | os.PathLike[str] | None = None,
    seed: int | None = None,
    thresholds: Thresholds | None = None,
    golden_samples: int = 8,
    hdl: bool = False,
    overwrite: bool = False,
    progress: Progress = lambda step: None,
) -> Saved:
    """Write a network, its exports, proofs and golden vectors into one sealed folder.

    Parameters
    ----------
    q : IntNetwork
    path : str or path
        The folder. It is made, or takes the place of an older bundle of the same network, whole or not at all;
        anything else that is there is left alone, and refused.
    trained : FloatNetwork, optional
        What ``q`` was quantized from. With it the bundle holds its NIR file and, with inputs, the fidelity report;
        without, the NIR file of ``q``.
    inputs : array, shape ``(time, batch, *features)``, optional
        Real inputs (or, without ``trained``, codes) for report and golden vectors; made up where there are none.
    labels : int array, shape ``(batch,)``, optional
        True classes of the inputs.
    spec : QuantSpec, optional
        The choices ``q`` was quantized with.
    target : Target, name or path, optional
        Description of the target; needed where it is not a shipped one.
    seed : int, optional
        Noted in the manifest.
    thresholds : Thresholds, optional
        What the fidelity report is held against; a bundle that fails is written all the same, and says so.
    golden_samples : int
        Samples of the golden vectors at the most.
    hdl : bool
        Also write parameters, stimuli and expected outputs as text for ``$readmemh``, in ``hdl/``.
    overwrite : bool
        Also take the place of a bundle of another network.
    progress : callable, optional
        Told about every step.

    Returns
    -------
    Saved

    Raises
    ------
    OutputError
        LX002 if the folder cannot be written or holds something else, LX008 if it holds a bundle of another network,
        LX009 if somebody else is writing it.
    MismatchError
        LX402, LX403 if an export differs from the simulator.
    ParameterError
        LX006, LX205, LX301 for networks that do not belong together and unusable inputs.

    Notes
    -----
    Equal arguments give equal bytes, in every process and folder, with the same versions of the packages that the
    manifest lists. What cannot be exported is left out by name, with its finding, in the manifest's ``left_out``.
    """
    if not isinstance(q, IntNetwork):
        raise error("LX006", field="q", found=f"a {type(q).__name__}", fix="give what quantize or qat returns")
    if type(golden_samples) is not int or golden_samples < 1:
        raise error("LX006", field="golden_samples", found=f"{golden_samples!r}", fix="give a number from 1 on")
    if trained is not None:
        require_pair(trained, q)
    codes, x = _inputs(q, trained, inputs)
    if thresholds is not None and (trained is None or x is None):
        fix = "give the trained network and inputs, or leave them out"
        raise error("LX006", field="thresholds", found="thresholds for no comparison", fix=fix)
    described = _target(q, target)
    require_folder_name(path)
    digests = {"integer": q.digest(), "trained": None if trained is None else trained.digest()}
    replaces = manifest.is_bundle if overwrite else functools.partial(manifest.holds_only, digests=digests)
    left_out: list[dict[str, str]] = []
    with whole_folder(path, replaces=replaces) as draft:
        roles: dict[str, str] = {}

        def add(name: str) -> Path:
            roles[name] = ROLES[name]
            return draft / name

        progress("golden vectors of the reference simulator")
        some = slice(0, golden_samples)
        origin = "made up" if inputs is None else "given"
        given = codes[:, some] if inputs is not None else golden.made_up(q, golden_samples)
        kept = golden.record(q, given, trained, None if x is None else x[:, some])
        golden.write(draft, q, kept, origin)
        for name in (golden.INDEX, golden.DATA):
            add(name)
        save_intnetwork(q, add(NETWORK))
        written, proofs = _derive(q, trained, draft, given, left_out, progress)
        for name in written:
            add(name)
        if described is not None:
            write_text(add(TARGET), described.canonical + "\n")
        if spec is not None:
            save_quantspec(spec, add(SPEC))
        report = None
        if trained is not None and x is not None:
            progress("compare with the trained network")
            report = compare(trained, q, x, labels=labels, thresholds=thresholds)
            report.save(add(FIDELITY))
            progress("draw the report")
            proof = certify(q) if CERTIFICATE in roles else None
            costs = cost(q, x).to_json()
            write_text(add(COST), readable_json(costs))
            save_html(add(REPORT), trained, q, x, report, labels=labels, certificate=proof, cost=costs)
        if hdl:
            progress("text for hardware simulators")
            roles |= {f"hdl/{name}": "hand-off to hardware" for name in write_hdl(draft / "hdl", q, kept)}
        document = manifest.build(
            draft,
            roles,
            seed=seed,
            dt=plain(q.dt),
            **stated(q.origin),
            network=digests,
            target={"name": q.target, "digest": q.target_digest},
            latency=q.latency,
            figures=_figures(report),
            left_out=left_out,
        )
        manifest.write(draft, document)
    found = report.findings if report is not None else () if trained is None else _parent(q, trained)
    return Saved(path=Path(path), seal=document["seal"], report=report, proofs=proofs, findings=found)


def _parent(q: IntNetwork, trained: FloatNetwork) -> tuple[Finding, ...]:
    found = another_parent(q.trained, trained.digest())
    return () if found is None else (found,)


def _figures(report: FidelityReport | None) -> dict[str, Any] | None:
    """What the figures were measured on."""
    if report is None:
        return None
    return {
        "inputs": report.input_digest,
        "samples": report.samples,
        "labels": report.labels_digest,
        "calibrated": None if report.calibrated is None else report.calibrated.found,
    }


def _inputs(
    q: IntNetwork, trained: FloatNetwork | None, inputs: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Codes, and the real inputs where they are real."""
    if inputs is None:
        return np.zeros(0, np.int64), None
    x = arrays.numbers(inputs, node=q.input_name, code="LX301")
    if x.dtype.kind == "f" or trained is not None:
        x = x.astype(np.float64)
        return q.encode(x).codes, x
    q.check_codes(x)
    return x.astype(np.int64), None


def _target(q: IntNetwork, target: Target | str | os.PathLike[str] | None) -> Target | None:
    """Description whose rules the integers obey, if there is one."""
    if target is None:
        target = q.target if q.target in target_names() else None
    if target is None:
        return None
    found = load_target(target)
    if found.digest != q.target_digest:
        fix = "give the description it was quantized for"
        raise error("LX006", field="target", found=f"{found.name!r}, other than the network's", fix=fix)
    return found


def _derive(
    q: IntNetwork,
    trained: FloatNetwork | None,
    draft: Path,
    codes: np.ndarray,
    left_out: list[dict[str, str]],
    progress: Progress,
) -> tuple[list[str], tuple[str, ...]]:
    """Write certificate, NIR and ONNX file, each proved; what cannot be is left out by name.

    Returns the names of the files, and what was proved.
    """
    from ..export.nir_graph import to_nir  # loads nir
    from ..export.onnx_model import to_onnx  # loads onnx

    form: Any = {"form": "step"} if q.state_reset == "never" else {}
    jobs: dict[str, Callable[[Path], Any]] = {
        CERTIFICATE: lambda path: certify(q).write(path),
        NIR: lambda path: to_nir(q if trained is None else trained, path),
        ONNX: lambda path: to_onnx(q, path, inputs=codes, **form),
    }
    written, proofs = [], []
    for name, job in jobs.items():
        progress(f"write and prove {name}")
        try:
            proofs += getattr(job(draft / name), "proofs", ())
            written.append(name)
        except (UnsupportedError, RangeError) as refused:
            reason = refused.findings[0]
            why = f"{reason.where}: {reason.found}" if reason.where else reason.found
            left_out.append({"path": name, "code": reason.code, "why": why})
    return written, tuple(proofs)
