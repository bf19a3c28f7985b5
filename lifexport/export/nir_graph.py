"""NIR: the float network as a graph other tools read, and their graphs as float networks.

Profile ``plain`` writes the parameters of the ODE as they are. What NIR has no place for (time step, soft reset,
``>=``, initial potential, delays) lies in the provenance record, from which ``from_nir`` restores it. The other
profiles rewrite parameters so that one importer runs what was trained (``nir_profiles``).

A file to be read is not trusted. Three stages, each refusing by name what the next cannot bear: the HDF5 survey and
the NIR graph (``nir_survey``), the network (``nir_reading``).
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
from collections.abc import Callable
from pathlib import Path

import nir  # noqa: TID251

from .. import arrays
from ..errors import LifexportError, UnsupportedError
from ..files import require_suffix, sha256, whole_file
from ..findings import Finding, error, unknown_name
from ..network import FloatNetwork, IntNetwork, Network
from .nir_int_writing import integers
from .nir_integers import DOMAINS, Domain, as_float, lost
from .nir_plain import PLAIN, differences_elsewhere, recorded_graph
from .nir_profiled import Profiled, as_importer_runs, profiled, told
from .nir_profiles import PROFILES
from .nir_reading import Reading, load
from .nir_reading import from_nir as from_nir
from .nir_resets import Told
from .result import ExportResult


def to_nir(
    network: Network,
    path: str | os.PathLike[str],
    *,
    profile: str = PLAIN,
    domain: Domain | None = None,
    verify: bool = True,
    compress: bool = False,
) -> ExportResult:
    """Write a network as a NIR file and prove that it comes back.

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
        As ``capture``, ``quantize`` or ``from_nir`` returns it. Of an integer network the graph says what it computes
        in real numbers, apart from roundings, overflows and delays (LX415); weights are stored as integers where the
        reader takes them, and its record gives back every code.
    path : str or path
        The ``.nir`` file (HDF5). Written whole or not at all; equal networks give equal bytes.
    profile : str
        ``"plain"``: ``tau`` (seconds), ``r``, ``v_leak``, ``v_threshold``, ``v_reset`` of the ODE, float64.
        ``"norse"``, ``"snntorch"``, ``"spikingjelly"``, ``"sinabs"``, ``"rockpool"``, ``"spyx"``, ``"spinnaker2"``,
        ``"lava"``, ``"snn-mlir"``: float32 parameters from which that importer makes what was trained; ``from_nir``
        gives the network as it runs there.
    domain : ``"real"`` | ``"integer"``, optional
        For an integer network: potentials in volts, fed with real inputs (the default), or in codes, fed with codes.
    verify : bool
        Read the file back before it gets its name, and require the same network; for an importer, run it as the
        importer does and hold every membrane against the trained network's.
    compress : bool
        Deflate the arrays: slower, and little smaller for float64.

    Returns
    -------
    ExportResult
        Its findings say what readers other than lifexport will do differently, its settings what must be set on the
        importer's side; a text beside the file says the same.

    Raises
    ------
    UnknownNameError
        LX001 for an unknown profile.
    OutputError
        LX002 if the file cannot be written.
    UnsupportedError
        LX401 for what NIR, or the importer, cannot express, and the profiles that can.
    MismatchError
        LX402 if the file read back is not the network, or does something else as the importer runs it.

    Examples
    --------
    >>> import tempfile
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import FloatLIF
    >>> from lifexport.nodes import FloatDense, Input, Output
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> fc = FloatDense(weight=[[3.0, 4.0]])
    >>> nodes = {"in": Input(shape=(2,)), "fc": fc, "lif": lif, "out": Output(shape=(1,))}
    >>> edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    >>> net = FloatNetwork(nodes=nodes, edges=edges, dt=1e-3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = to_nir(net, Path(folder) / "model.nir")
    ...     again = from_nir(result.path)
    >>> arrays.same(again, net), [finding.code for finding in result.findings]
    (True, ['LX410', 'LX411'])
    """
    if profile not in (known := (PLAIN, *PROFILES)):
        raise unknown_name("profile", profile, known)
    if domain is not None and domain not in DOMAINS:
        raise unknown_name("domain", domain, DOMAINS, code="LX006", field="domain")
    path = require_suffix(path, ".nir")
    if isinstance(network, IntNetwork):
        made = integers(network, profile, domain or "real")
        return _write(
            network, made.graph, path, made.made, made.findings, made.proofs, verify=verify, compress=compress
        )
    assert isinstance(network, FloatNetwork)
    if domain is not None:
        found, fix = f"{domain!r} for a FloatNetwork", "leave it out: only codes have a domain"
        raise error("LX006", field="domain", found=found, fix=fix)
    if profile == PLAIN:
        graph, findings = recorded_graph(network), differences_elsewhere(network)
        return _write(network, graph, path, None, findings, (), verify=verify, compress=compress)
    there = profiled(network, profile)
    proofs = (functools.partial(there.prove, network),)
    return _write(there.network, there.graph, path, there, there.findings, proofs, verify=verify, compress=compress)


def refused_by(network: Network, profile: str) -> tuple[Finding, ...]:
    """Everything for which ``to_nir`` would refuse a network; nothing is written or run."""
    if profile not in (known := (PLAIN, *PROFILES)):
        raise unknown_name("profile", profile, known)
    try:
        if isinstance(network, IntNetwork):
            integers(network, profile, "real")
        elif profile != PLAIN:
            assert isinstance(network, FloatNetwork)
            profiled(network, profile)
    except UnsupportedError as failure:
        return failure.findings
    return ()


def _write(
    comes_back: Network,
    graph: nir.NIRGraph,
    path: Path,
    made: Profiled | None,
    findings: tuple[Finding, ...],
    proofs: tuple[Callable[[], str], ...],
    *,
    verify: bool,
    compress: bool,
) -> ExportResult:
    """Write a graph, for an importer with a text beside it; neither is there unless all is proved."""
    content = _bytes(graph, compress)
    shown: list[str] = []
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(whole_file(path))
        temporary.write_bytes(content)
        if made is not None:
            text = stack.enter_context(whole_file(path.with_name(f"{path.name}.txt")))
            text.write_text(made.text(path.name), encoding="utf-8")
        if verify:
            shown = [_prove(comes_back, temporary), *(proof() for proof in proofs)]
    told = {} if made is None else {"profile": made.profile.name, "settings": made.settings, "lag": made.lag}
    digest = sha256(content)
    return ExportResult(path=path, size=len(content), sha256=digest, proofs=tuple(shown), findings=findings, **told)


def check_nir(
    path: str | os.PathLike[str],
    dt: float | None = None,
    source: str | None = None,
    reset: Told = None,
    reset_delay: bool | None = None,
) -> tuple[Finding, ...]:
    """Everything ``from_nir`` would refuse in a file, and everything a reader of it should know.

    Either errors, as many as can be told apart in one reading, or what ``to_nir`` warned of (LX410 to LX412, LX414,
    LX416, LX417), or, for a file without record, how it was read (LX413). Nothing is raised for a bad file.
    """
    reading = load(path, dt, source, reset=reset, reset_delay=reset_delay)
    if reading.network is None:
        return reading.findings
    if reading.record is not None:
        return _told(reading)
    found = f"no record of the training tool; dt = {reading.network.dt} s; {reading.says}"
    return (Finding(code="LX413", found=found, fix="compare its spikes with the training tool's own"),)


def _told(reading: Reading) -> tuple[Finding, ...]:
    """What the writer of a file with a record was told."""
    network, record = reading.network, reading.record
    assert network is not None and record is not None and reading.graph is not None
    written_for = record.get("profile", PLAIN) != PLAIN
    if isinstance(network, FloatNetwork):
        return told(network, record) if written_for else differences_elsewhere(network)
    if not written_for:
        return (*lost(network), *differences_elsewhere(as_float(network, record["domain"])))
    there = as_importer_runs(reading.graph, record, [])
    assert there is not None
    return (*lost(network), *told(there, record))


def _bytes(graph: nir.NIRGraph, compress: bool) -> bytes:
    buffer = io.BytesIO()  # h5py reports a full disk in several ways, Python's own writing in one
    nir.write(buffer, graph, compression="gzip" if compress else None)  # type: ignore[arg-type]
    return buffer.getvalue()


def _prove(network: Network, path: Path) -> str:
    fix = "nothing was written; report this with the network as a bug of lifexport"
    try:
        again = from_nir(path)
    except LifexportError as failure:
        raise error("LX402", found=f"the file cannot be read back: {failure}", fix=fix) from None
    if (place := arrays.difference(network, again)) is not None:
        raise error("LX402", found=f"read back, the network differs: network{place}", fix=fix)
    return f"read back with from_nir: the same {type(network).__name__}, every number bit for bit"
