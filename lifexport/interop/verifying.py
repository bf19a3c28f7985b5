"""``verify_nir``: a NIR file run where it was written for, spike by spike against what it must do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import arrays
from ..export.nir_golden import write_golden
from ..export.nir_nesting import flat
from ..export.nir_profiled import as_importer_runs
from ..export.nir_profiles import PROFILES, Profile
from ..export.nir_profiles.model import Modelled, modelled
from ..export.nir_profiles.profile import Asked
from ..export.nir_reading import load
from ..export.nir_survey import all_of
from ..findings import error
from ..network import FloatNetwork, IntNetwork, Network
from ..simulation import simulate
from .environments import TOOLS, Job, Ran, interpreter, run_jobs
from .verdict import Agreement, agreement

ULPS = 8.0
"""Distance from a threshold, in float32 steps of it, below which importers' own rounding may decide."""
TIES = 1e-3
"""Share of potentials that may come so near."""


@dataclass(frozen=True, kw_only=True)
class NirVerdict:
    """What running a NIR file showed.

    Parameters
    ----------
    file : str
    profile : str
    importer : str
        Name and version of the package that ran the file, or of the one the model stands in for.
    installed : bool
        Whether the package itself ran; else our model of it did.
    lag : int
        Steps by which its output is late.
    against_model : Agreement or None
        The package's spikes against the float32 run of our model of it; None if it was not run.
    against_trained : Agreement or None
        The spikes of the package (else of the model) against the trained network's; None if that was not given.
    golden : Path or None
        Golden vectors that were written.
    touching : int
        Potentials of all neurons and steps that came within 1e-6 of their threshold, by the model.
    """

    file: str
    profile: str
    importer: str
    installed: bool
    lag: int
    against_model: Agreement | None
    against_trained: Agreement | None
    golden: Path | None = None
    touching: int = 0

    @property
    def holds(self) -> bool:
        """No spike differs at all, or only after near ties, which are then at most 0.1 % of all potentials."""
        parts = [part for part in (self.against_model, self.against_trained) if part is not None]
        return all(p.exact or (p.differing == 0 and p.near_ties <= TIES * p.potentials) for p in parts)

    def __str__(self) -> str:
        who = self.importer if self.installed else f"model of {self.importer} (not installed)"
        lines = [f"{self.file}: {'holds' if self.holds else 'FAILS'} in {who}, output {self.lag} steps late"]
        if self.against_model is not None:
            lines.append(f"  against the model: {self.against_model}")
        if self.against_trained is not None:
            lines.append(f"  against the trained network: {self.against_trained}")
        if self.touching:
            lines.append(f"  {self.touching} potentials came within 1e-6 of a threshold")
        return "\n".join(lines)


def verify_nir(
    path: str | os.PathLike[str],
    inputs: np.ndarray,
    *,
    profile: str | None = None,
    network: Network | None = None,
    ulps: float = ULPS,
    golden: bool | str | os.PathLike[str] = True,
) -> NirVerdict:
    """Run a file in the package it was written for, and hold its spikes against what was trained.

    Parameters
    ----------
    path : str or path
        A file that ``to_nir`` wrote with a profile.
    inputs : float array, shape ``(time, batch, *features)``
        Rounded to float32.
    profile : str, optional
        Must be the one of the file's record; it is known without.
    network : FloatNetwork or IntNetwork, optional
        What was trained, or quantized: the very network that ``to_nir`` was given. Needed where the package is not
        installed, for then only our model of it can be run.
    ulps : float
        Potentials that come within so many float32 steps of a threshold are near ties; what differs after one in a
        sample is counted apart.
    golden : bool, str or path
        Write inputs, spikes of all populations and outputs as ``NIRGraphData``: next to the file, as ``<file>.golden``
        (the default), or there.

    Returns
    -------
    NirVerdict
        Its ``holds`` says whether no spike differs but after a near tie.

    Raises
    ------
    FileError, MismatchError
        LX003, LX004, LX403 as ``from_nir``.
    ParameterError
        LX006 for a file without profile, another profile or network than the record's, and where there is nothing to
        compare with; LX301 for inputs of the wrong shape.
    ToolError
        LX419 if the package raised.

    Examples
    --------
    >>> verify_nir("no-such.nir", np.zeros((1, 1, 2)))
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: no-such.nir: No such file or directory; fix: ...
    """
    beside = Path(f"{os.fspath(path)}.golden") if golden is True else golden or None
    (verdict,) = verify_all([Request(path=Path(path), inputs=inputs, network=network)], profile, ulps, beside)
    return verdict


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """A file to verify; its parts are those of ``verify_nir``."""

    path: Path
    inputs: np.ndarray
    network: Network | None = None


def verify_all(
    requests: Sequence[Request],
    profile: str | None = None,
    ulps: float = ULPS,
    golden: str | os.PathLike[str] | None = None,
) -> list[NirVerdict]:
    """Verify several files, each package started once for all of its own; in the order of the requests."""
    prepared = [_prepared(request, profile) for request in requests]
    ran: dict[int, Ran] = {}
    for name in {each.profile.name for each in prepared} & {*TOOLS}:
        mine = [i for i, each in enumerate(prepared) if each.profile.name == name]
        if interpreter(name) is not None:
            ran |= zip(mine, run_jobs(name, [prepared[i].job for i in mine]), strict=True)
    return [_judged(each, ran.get(i), ulps, golden) for i, each in enumerate(prepared)]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Prepared:
    """A file that was read, and what the model makes of it."""

    profile: Profile
    network: FloatNetwork
    trained: Network | None
    codes: bool
    model: Modelled
    job: Job


def _prepared(request: Request, profile: str | None) -> _Prepared:
    reading = load(request.path, None, None)
    if reading.network is None:
        raise all_of(reading.findings)
    known, fields = _profile(reading.record, profile)
    assert reading.graph is not None
    again = (
        reading.network if isinstance(reading.network, FloatNetwork) else as_importer_runs(reading.graph, fields, [])
    )
    assert again is not None
    x = arrays.numbers(request.inputs, node=again.input_name, code="LX301").astype(np.float32)
    again.check_input(x)
    nodes = flat(reading.graph)[0]
    settings = tuple(fields["settings"])
    return _Prepared(
        profile=known,
        network=again,
        codes=fields.get("domain") == "integer",
        trained=None if request.network is None else _trained(request.network, fields),
        model=modelled(again, nodes, known, Asked(again.dt, fields["reset"] == "subtract"), x),
        job=Job(file=request.path, x=x, dt=again.dt, reset=fields["reset"], settings=settings),
    )


def _judged(given: _Prepared, ran: Ran | None, ulps: float, golden: str | os.PathLike[str] | None) -> NirVerdict:
    known, again, model, x = given.profile, given.network, given.model, given.job.x
    if ran is not None and ran.output is None:
        fix = "report this with the file as a bug of lifexport"
        raise error("LX419", found=f"{ran.importer}: {ran.error}", fix=fix)
    if ran is None and given.trained is None:
        found = f"{known.importer} is not installed, and no trained network was given"
        raise error("LX006", field="network", found=found, fix="install it, or pass network= as it was exported")
    last = again.readout_name
    late = again.output_edge.delay
    steps = len(x) - late
    expected = model.spikes[last][:steps]
    output = expected if ran is None or ran.output is None else ran.output[late:]
    margins = {name: rows[:steps] for name, rows in model.margin.items()}
    against_trained = None
    if given.trained is not None:
        skew = again.lateness[last]
        want = _expected(given, x)[: steps - skew]
        later = {name: rows[skew:] for name, rows in margins.items()}
        against_trained = agreement(
            output[skew:][: len(want)], want, {n: m[: len(want)] for n, m in later.items()}, ulps
        )
    if golden is not None:
        delayed = np.zeros_like(model.spikes[last])
        delayed[late:] = expected
        write_golden(golden, x, model.spikes, delayed, again.dt)
    return NirVerdict(
        file=given.job.file.name,
        profile=known.name,
        importer=known.importer if ran is None else ran.importer,
        installed=ran is not None,
        lag=again.lateness[again.output_name],
        against_model=None if ran is None else agreement(output, expected, margins, ulps),
        against_trained=against_trained,
        golden=None if golden is None else Path(golden),
        touching=model.within(1e-6),
    )


def _expected(given: _Prepared, x: np.ndarray) -> np.ndarray:
    """Spikes of the network the file was made of; those of integers without the steps by which the chip is late."""
    assert given.trained is not None
    if isinstance(given.trained, FloatNetwork):
        return simulate(given.trained, x).output[given.trained.output_edge.delay :]
    assert isinstance(given.trained, IntNetwork)
    codes = x.astype(np.int64) if given.codes else given.trained.encode(x).codes
    return simulate(given.trained, codes).output[given.trained.latency :]


def _profile(record: Mapping[str, Any] | None, asked: str | None) -> tuple[Profile, Mapping[str, Any]]:
    name = None if record is None else record.get("profile")
    if record is None or name not in PROFILES:
        fix = f"export it with to_nir(..., profile=...): {', '.join(PROFILES)}"
        raise error("LX006", field="profile", found="a file that was not written for an importer", fix=fix)
    if asked not in (None, name):
        found = f"{asked!r}; the file was written for {name!r}"
        raise error("LX006", field="profile", found=found, fix="leave it out, or export the network for that importer")
    return PROFILES[name], record


def _trained(network: Network, record: Mapping[str, Any]) -> Network:
    trained = record if isinstance(network, IntNetwork) else record.get("trained")
    if not isinstance(trained, Mapping) or network.digest() != trained.get("digest"):
        found = "not the network that the file was made of"
        raise error("LX006", field="network", found=found, fix="pass the one that to_nir was given")
    return network
