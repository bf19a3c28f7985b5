"""``verify``: every file held against its seal, every artefact run again on the golden vectors."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import difference
from ..certificate import certify
from ..errors import LifexportError, RangeError
from ..findings import Finding, error
from ..network import FloatNetwork, IntNetwork
from ..origin import stated
from ..schemas import header
from ..simulation import simulate
from ..simulation.run import Backend
from ..targets import Target
from . import golden, manifest
from .documents import agree, check_documents, not_shown
from .hdl import write_hdl
from .opening import Bundle, damage, require_anchor
from .replaying import float_replay, require_equal, wanted
from .saving import CERTIFICATE, NIR, ONNX

SCHEMA = "lifexport.verification/1"
HDL = "hdl/"
BACKENDS: tuple[Backend, ...] = ("reference", "fast")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was verified, in words, and what was found."""

    name: str
    said: str
    findings: tuple[Finding, ...] = ()

    @property
    def holds(self) -> bool:
        """Nothing of severity ``error`` was found."""
        return not any(finding.severity == "error" for finding in self.findings)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What became of a bundle.

    Parameters
    ----------
    path : str
    seal : str or None
        None if the manifest cannot be read.
    checks : tuple of Check
        In the order they were made; later ones are left out where an earlier one takes away what they need.
    stated : tuple of str
        What the bundle says and was not proved, replayed or measured again, in words.
    """

    path: str
    seal: str | None
    checks: tuple[Check, ...]
    stated: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One line that says no more than was run."""
        if not self.ok:
            return "does not hold"
        return "; ".join(["everything that was run holds" if self.stated else "everything holds", *self.stated])

    @property
    def ok(self) -> bool:
        """Whether every check that was made holds; ``stated`` says what none was made of."""
        return all(check.holds for check in self.checks)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in order."""
        return tuple(finding for check in self.checks for finding in check.findings)

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/verification.schema.json``."""
        return {
            **header(SCHEMA),
            "path": self.path,
            "seal": self.seal,
            "ok": self.ok,
            "verdict": self.verdict,
            "stated": list(self.stated),
            "checks": [
                {
                    "name": check.name,
                    "holds": check.holds,
                    "said": check.said,
                    "findings": [finding.to_json() for finding in check.findings],
                }
                for check in self.checks
            ],
        }


def verify(
    path: str | os.PathLike[str],
    *,
    expect: str | None = None,
    inputs: np.ndarray | None = None,
    labels: np.ndarray | None = None,
) -> Verification:
    """Verify a bundle; nothing is raised for a bad one.

    Parameters
    ----------
    path : str or path
        The folder.
    expect : str, optional
        Seal known from elsewhere: without it a bundle can only be held against itself.
    inputs : array, shape ``(time, batch, *features)``, optional
        Further inputs, codes or real numbers, to run reference, fast simulator and ONNX file on. If they are those
        that the figures were measured on, every figure is measured again.
    labels : int array, shape ``(batch,)``, optional
        True classes of the inputs, for the accuracy.

    Returns
    -------
    Verification
        *seal*: manifest and files; *documents*: schemas, digests, and whether what they state can be; *simulators*,
        *onnx*, *nir*: the golden vectors, replayed, bit for bit in integers and within float64's rounding for the
        trained network; *certificate*: proved again; *hdl*: written again; *figures*: measured again, on the golden
        samples or on the inputs given; *inputs*. ``stated`` names what the bundle says besides.
    """
    folder, checks = Path(path), []
    try:
        document = manifest.read(folder)
        found = damage(folder, document)
    except LifexportError as failure:
        return Verification(path=str(path), seal=None, checks=(_failed("seal", failure),))
    try:
        require_anchor(document, expect)
    except LifexportError as failure:
        found += failure.findings
    size = sum(entry["bytes"] for entry in document["files"])
    said = f"{len(document['files'])} files, {size} bytes, seal {document['seal']}"
    anchored = " (as expected)" if expect is not None else " (held against itself: give --expect)"
    checks.append(Check(name="seal", said=said + anchored, findings=tuple(found)))
    stated: list[str] = []
    if checks[-1].holds:
        checks += _contents(folder, inputs, labels, stated)
    return Verification(path=str(path), seal=document["seal"], checks=tuple(checks), stated=tuple(stated))


def _contents(folder: Path, inputs: np.ndarray | None, labels: np.ndarray | None, stated: list[str]) -> list[Check]:
    bundle = Bundle(folder)
    checks = [_checked("documents", lambda: check_documents(bundle))]
    if not checks[0].holds:
        return checks
    q, vectors = bundle.network, bundle.golden
    checks.append(_checked("simulators", lambda: _simulators(q, vectors)))
    if ONNX in bundle.files:
        checks.append(_checked("onnx", lambda: _onnx(folder / ONNX, q, vectors.codes)))
    if NIR in bundle.files:
        checks.append(_checked("nir", lambda: _nir(bundle, q, vectors)))
    if CERTIFICATE in bundle.files:
        checks.append(_checked("certificate", lambda: _certificate(bundle, q)))
    if any(name.startswith(HDL) for name in bundle.files):
        checks.append(_checked("hdl", lambda: _hdl(bundle, q, vectors)))
    if bundle.fidelity is not None and bundle.trained is not None:
        checks.append(_checked("figures", lambda: _figures(bundle, q, inputs, labels, stated)))
    elif bundle.fidelity is not None:
        stated.append("fidelity: stated, the trained network is not in the bundle")
    if inputs is not None:
        checks.append(_checked("inputs", lambda: _inputs(folder, bundle, q, inputs)))
    stated += not_shown(bundle)
    return checks


def _checked(name: str, job: Callable[[], str]) -> Check:
    try:
        return Check(name=name, said=job())
    except LifexportError as failure:
        return _failed(name, failure)


def _failed(name: str, failure: LifexportError) -> Check:
    return Check(name=name, said="does not hold", findings=failure.findings)


def _simulators(q: IntNetwork, vectors: golden.Golden) -> str:
    expected, values, ran = wanted(vectors), 0, []
    if vectors.x is not None and not np.array_equal(q.encode(vectors.x).codes, vectors.codes):
        fix = "write the bundle again"
        raise error("LX605", node=golden.DATA, field="x", found="real inputs that have other codes", fix=fix)
    for backend in BACKENDS:
        try:
            trace = simulate(q, vectors.codes, record=("v", "spikes"), backend=backend)
        except RangeError as refused:  # the fast one runs only what it is proved to run exactly
            if backend == "reference" or refused.code != "LX302":
                raise
            continue
        values += require_equal(trace, expected, backend)
        ran.append(backend)
    alone = "" if "fast" in ran else " (the fast one refuses this network)"
    return f"{' and '.join(ran)} simulator give the golden vectors again: {values} numbers, 0 differ{alone}"


def _onnx(path: Path, q: IntNetwork, codes: np.ndarray) -> str:
    from ..export.onnx_file import read_own
    from ..export.onnx_verify import verify_file  # loads onnx and onnxruntime

    read_own(path)  # what to_onnx did not write is not run: it may take any time and memory
    proofs = verify_file(path, q, codes)
    return "; ".join(proofs)


def _nir(bundle: Bundle, q: IntNetwork, vectors: golden.Golden) -> str:
    from ..export.nir_graph import from_nir  # loads nir

    network = from_nir(bundle.path / NIR)
    if isinstance(network, IntNetwork):
        if (found := difference(network, q)) is not None:
            raise error("LX402", node=NIR, found=found, fix="write the bundle again")
        return "the NIR file holds the integer network, every number bit for bit"
    assert isinstance(network, FloatNetwork)
    agree(NIR, "digest", network.digest(), bundle.manifest["network"]["trained"])
    if (fidelity := bundle.fidelity) is not None:
        read_as = stated(network.origin).get("origin")
        agree("fidelity.json", "networks.origin", fidelity["networks"].get("origin"), read_as)
    held = "the NIR file holds the trained network, every number bit for bit"
    return held if vectors.x is None else f"{held}; {float_replay(network, vectors)}"


def _certificate(bundle: Bundle, q: IntNetwork) -> str:
    now, then = certify(q).to_json(), bundle.document(CERTIFICATE)
    if now | {"tool": None} != then | {"tool": None}:
        fix = "write the bundle again; another version of lifexport may prove other bounds"
        raise error("LX605", node=CERTIFICATE, found="other bounds than are proved now", fix=fix)
    return "the same bounds are proved again"


def _hdl(bundle: Bundle, q: IntNetwork, vectors: golden.Golden) -> str:
    """Text for hardware is written again, byte for byte."""
    names = {name.removeprefix(HDL) for name in bundle.files if name.startswith(HDL)}
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "hdl"
        written = write_hdl(again, q, golden.record(q, vectors.codes, None, None))
        fix = "write the bundle again"
        for name in sorted(names ^ {*written}):
            what = "not written for this network" if name in names else "missing"
            raise error("LX605", node=HDL + name, found=what, fix=fix)
        for name in written:
            if (again / name).read_bytes() != (bundle.path / HDL / name).read_bytes():
                raise error("LX605", node=HDL + name, found="other numbers than are written now", fix=fix)
    return f"{len(names)} files for hardware simulators are written again, byte for byte"


def _figures(
    bundle: Bundle, q: IntNetwork, inputs: np.ndarray | None, labels: np.ndarray | None, stated: list[str]
) -> str:
    from .measuring import given_inputs, measure  # loads the page

    assert bundle.trained is not None
    target = None if bundle.target is None else Target(bundle.target)
    measured = measure(bundle, q, bundle.trained, target, given_inputs(bundle, inputs, labels))
    stated += measured.stated
    return "; ".join(measured.said) or "no golden sample was compared with the trained network"


def _inputs(folder: Path, bundle: Bundle, q: IntNetwork, inputs: np.ndarray) -> str:
    codes = q.encode(inputs).codes if inputs.dtype.kind == "f" else inputs
    q.check_codes(codes)
    vectors = golden.Golden(codes, None, golden.by_name(golden.record(q, codes, None, None)))
    said = [_simulators(q, vectors)]
    if ONNX in bundle.files:
        said.append(_onnx(folder / ONNX, q, codes))
    if bundle.trained is not None and inputs.dtype.kind == "f":
        from ..fidelity import compare

        report = compare(bundle.trained, q, inputs)
        same = report.predictions
        said.append(f"float and integer predict the same for {same.count} of {same.total} samples (measured)")
    return "given inputs: " + "; ".join(said)
