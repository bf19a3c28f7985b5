"""NIR: the float network as a graph other tools read, and their graphs as float networks.

Profile ``plain`` writes the parameters of the ODE as they are. What NIR has no place for (time step, soft reset,
``>=``, initial potential, delays) lies in the provenance record, from which ``from_nir`` restores it. The other
profiles rewrite parameters so that one importer runs what was trained (``nir_profiles``).

A file to be read is not trusted. Three stages, each refusing by name what the next cannot bear: the HDF5 survey and
the NIR graph (``nir_survey``), the network (``nir_reading``).
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nir  # noqa: TID251
import numpy as np

from .. import arrays
from ..errors import LifexportError
from ..files import sha256, whole_file
from ..findings import Finding, at_node, error, unknown_name
from ..network import FloatNetwork, IntNetwork, Network
from ..neurons import FloatCubaLIF, FloatIAF
from . import provenance
from .nir_int_writing import Integers, integers
from .nir_integers import DOMAINS, Domain, as_float, lost
from .nir_names import written_names
from .nir_nodes import unplaced, written
from .nir_profiled import PLAIN, as_importer_runs, profiled, told
from .nir_profiles import PROFILES
from .nir_reading import Reading, load
from .nir_reading import from_nir as from_nir
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
    if isinstance(network, IntNetwork):
        made = integers(network, profile, domain or "real", _plain)
        return _integers(network, made, Path(path), profile, domain or "real", verify=verify, compress=compress)
    assert isinstance(network, FloatNetwork)
    if domain is not None:
        found, fix = f"{domain!r} for a FloatNetwork", "leave it out: only codes have a domain"
        raise error("LX006", field="domain", found=found, fix=fix)
    if profile != PLAIN:
        return _to_importer(network, Path(path), profile, verify=verify, compress=compress)
    content = _bytes(_recorded(network), compress)
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
        proofs = (_prove(network, temporary),) if verify else ()
    findings = differences_elsewhere(network)
    return ExportResult(path=Path(path), size=len(content), sha256=sha256(content), proofs=proofs, findings=findings)


def _integers(
    q: IntNetwork, made: Integers, path: Path, profile: str, domain: Domain, *, verify: bool, compress: bool
) -> ExportResult:
    content = _bytes(made.graph, compress)
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(whole_file(path))
        if made.made is not None:
            text = stack.enter_context(whole_file(path.with_name(f"{path.name}.txt")))
            text.write_text(made.made.text(path.name), encoding="utf-8")
        temporary.write_bytes(content)
        proofs = [_prove(q, temporary)] if verify else []
        if verify and made.made is not None:
            proofs.append(made.made.prove(made.network))
        if verify:
            proofs.append(_against_integers(q, made.network, domain))
    findings = made.findings if made.made is not None else (*made.findings, *differences_elsewhere(made.network))
    return ExportResult(
        path=path,
        size=len(content),
        sha256=sha256(content),
        proofs=tuple(proofs),
        findings=findings,
        profile=profile,
        settings=() if made.made is None else made.made.settings,
        lag=0 if made.made is None else made.made.lag,
    )


def _against_integers(q: IntNetwork, network: FloatNetwork, domain: Domain) -> str:
    from .nir_int_proving import measured  # loads the simulators

    text, differing, exact = measured(q, network, domain)
    if exact and differing:
        fix = "nothing was written; report this with the network as a bug of lifexport"
        raise error("LX402", found=f"{text}, though nothing rounds and nothing overflowed", fix=fix)
    return f"run in real numbers: {text}" + ("" if exact else " (roundings, overflows, or a later start)")


def _to_importer(network: FloatNetwork, path: Path, name: str, *, verify: bool, compress: bool) -> ExportResult:
    made = profiled(network, name)
    content = _bytes(made.graph, compress)
    with whole_file(path) as temporary, whole_file(path.with_name(f"{path.name}.txt")) as text:
        temporary.write_bytes(content)
        text.write_text(made.text(path.name), encoding="utf-8")
        proofs = (_prove(made.network, temporary), made.prove(network)) if verify else ()
    return ExportResult(
        path=path,
        size=len(content),
        sha256=sha256(content),
        proofs=proofs,
        findings=made.findings,
        profile=name,
        settings=made.settings,
        lag=made.lag,
    )


def check_nir(
    path: str | os.PathLike[str], dt: float | None = None, source: str | None = None, reset: str | None = None
) -> tuple[Finding, ...]:
    """Everything ``from_nir`` would refuse in a file, and everything a reader of it should know.

    Either errors, as many as can be told apart in one reading, or what ``to_nir`` warned of (LX410 to LX412, LX414,
    LX416, LX417), or, for a file without record, how it was read (LX413). Nothing is raised for a bad file.
    """
    reading = load(path, dt, source, reset=reset)
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


def _plain(network: FloatNetwork) -> nir.NIRGraph:
    """Graph of the ODE's parameters, without a record."""
    names, nodes = written_names(network.nodes), {}
    for name, node in network.nodes.items():
        with at_node(name):
            nodes[names[name]] = written(node)
    return nir.NIRGraph(nodes=nodes, edges=[(names[edge.source], names[edge.target]) for edge in network.edges])


def _recorded(network: FloatNetwork) -> nir.NIRGraph:
    graph, names = _plain(network), written_names(network.nodes)
    graph.metadata[provenance.KEY] = provenance.record(
        network,
        profile=PLAIN,
        values={name: unplaced(node) for name, node in network.nodes.items()},
        renamed={written: name for name, written in names.items() if written != name},
    )
    return graph


def _bytes(graph: nir.NIRGraph, compress: bool) -> bytes:
    buffer = io.BytesIO()  # h5py reports a full disk in several ways, Python's own writing in one
    nir.write(buffer, graph, compression="gzip" if compress else None)  # type: ignore[arg-type]
    return buffer.getvalue()


def differences_elsewhere(network: FloatNetwork) -> tuple[Finding, ...]:
    """Say what readers other than lifexport will do differently with the plain file."""
    ignore = "read it with lifexport.from_nir, or hold the other tool's spikes against lifexport.simulate"
    populations = network.populations.items()
    soft = [name for name, node in populations if node.spiking and node.reset == "subtract"]
    waiting = [name for name, node in populations if node.spiking and node.refractory.any()]
    return (
        *(Finding(code="LX410", node=name, field="reset", found="'subtract'", fix=ignore) for name in soft),
        Finding(code="LX411", found=f"parameters of the ODE, trained with dt = {network.dt} s", fix=ignore),
        *(
            Finding(code="LX412", node=name, field=field, found=found, fix=ignore)
            for name, node in populations
            for field, found in _started_elsewhere(node)
        ),
        *(
            Finding(code="LX414", node=name, field="refractory", found="a refractory time", fix=ignore)
            for name in waiting
        ),
    )


def _started_elsewhere(node: Any) -> Iterator[tuple[str, str]]:
    """States of a population that do not start where NIR's readers start them, bit for bit."""
    rest = np.zeros(node.shape) if isinstance(node, FloatIAF) else node.v_rest
    if not arrays.same(node.v_initial, rest):
        yield "v_initial", "differs from " + ("0" if isinstance(node, FloatIAF) else "v_rest")
    if isinstance(node, FloatCubaLIF) and node.i_initial.any():
        yield "i_initial", "differs from 0"


def _prove(network: Network, path: Path) -> str:
    fix = "nothing was written; report this with the network as a bug of lifexport"
    try:
        again = from_nir(path)
    except LifexportError as failure:
        raise error("LX402", found=f"the file cannot be read back: {failure}", fix=fix) from None
    if (place := arrays.difference(network, again)) is not None:
        raise error("LX402", found=f"read back, the network differs: network{place}", fix=fix)
    return f"read back with from_nir: the same {type(network).__name__}, every number bit for bit"
