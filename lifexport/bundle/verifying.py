"""``verify``: every file held against its seal, every artefact run again on the golden vectors."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import schemas
from ..arrays import difference
from ..certificate import certify
from ..errors import LifexportError, RangeError
from ..findings import Finding, error, raise_errors
from ..network import FloatNetwork, IntNetwork
from ..schemas import header
from ..simulation import simulate
from ..simulation.run import Backend
from . import golden, manifest
from .opening import Bundle, damage, require_anchor
from .replaying import float_replay, require_equal, wanted
from .saving import CERTIFICATE, NETWORK, NIR, ONNX

SCHEMA = "lifexport.verification/1"
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
    """

    path: str
    seal: str | None
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
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
    path: str | os.PathLike[str], *, expect: str | None = None, inputs: np.ndarray | None = None
) -> Verification:
    """Verify a bundle; nothing is raised for a bad one.

    Parameters
    ----------
    path : str or path
        The folder.
    expect : str, optional
        Seal known from elsewhere: without it a bundle can only be held against itself.
    inputs : array, shape ``(time, batch, *features)``, optional
        Further inputs, codes or real numbers, to run reference, fast simulator and ONNX file on.

    Returns
    -------
    Verification
        *seal*: manifest and files; *documents*: schemas and digests; *simulators*, *onnx*, *nir*: the golden vectors,
        replayed, bit for bit in integers and within float64's rounding for the trained network; *certificate*: proved
        again; *inputs*.
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
    if checks[-1].holds:
        checks += _contents(folder, inputs)
    return Verification(path=str(path), seal=document["seal"], checks=tuple(checks))


def _contents(folder: Path, inputs: np.ndarray | None) -> list[Check]:
    bundle = Bundle(folder)
    checks = [_checked("documents", lambda: _documents(bundle))]
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
    if inputs is not None:
        checks.append(_checked("inputs", lambda: _inputs(folder, bundle, q, inputs)))
    return checks


def _checked(name: str, job: Callable[[], str]) -> Check:
    try:
        return Check(name=name, said=job())
    except LifexportError as failure:
        return _failed(name, failure)


def _failed(name: str, failure: LifexportError) -> Check:
    return Check(name=name, said="does not hold", findings=failure.findings)


def _documents(bundle: Bundle) -> str:
    """Every JSON file is of its schema, and they all speak of the same networks."""
    names = [name for name in bundle.files if name.endswith(".json") and "/" not in name]
    for name in names:
        document = bundle.document(name)
        raise_errors(schemas.violations(document["schema"].split(".")[-1].split("/")[0], document, code="LX003"))
    digests, q = bundle.manifest["network"], bundle.network
    _agree(NETWORK, "digest", q.digest(), digests["integer"])
    _agree(NETWORK, "target_digest", q.target_digest, bundle.manifest["target"]["digest"])
    _agree(golden.INDEX, "network", bundle.document(golden.INDEX)["network"], digests["integer"])
    if (fidelity := bundle.fidelity) is not None:
        _agree("fidelity.json", "networks.integer", fidelity["networks"]["integer"], digests["integer"])
        _agree("fidelity.json", "networks.float", fidelity["networks"]["float"], digests["trained"])
    return f"{len(names)} documents of their schemas, all of network {q.digest()[:12]}, target {q.target}"


def _agree(file: str, field: str, found: str, expected: str) -> None:
    if found != expected:
        fix = "write the bundle again: its files are of different networks"
        raise error("LX403", node=file, field=field, found=f"{found}, the manifest says {expected}", fix=fix)


def _simulators(q: IntNetwork, vectors: golden.Golden) -> str:
    expected, values, ran = wanted(vectors), 0, []
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
    _agree(NIR, "digest", network.digest(), bundle.manifest["network"]["trained"])
    held = "the NIR file holds the trained network, every number bit for bit"
    return held if vectors.x is None else f"{held}; {float_replay(network, vectors)}"


def _certificate(bundle: Bundle, q: IntNetwork) -> str:
    now, then = certify(q).to_json(), bundle.document(CERTIFICATE)
    if now | {"tool": None} != then | {"tool": None}:
        fix = "write the bundle again; another version of lifexport may prove other bounds"
        raise error("LX605", node=CERTIFICATE, found="other bounds than are proved now", fix=fix)
    return "the same bounds are proved again"


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
