"""Reading NIR: from a file to a float network, by lifexport's record or as a tool runs what it wrote."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..findings import Finding, collect, error
from ..network import FloatNetwork, IntNetwork
from ..room import require_room
from . import nir_foreign, provenance
from .nir_plain import PLAIN
from .nir_profiled import restored
from .nir_raw import RawGraph
from .nir_resets import Told
from .nir_restoring import restore
from .nir_survey import INFLATION, all_of, read_raw

ROOM = 1 << 26
"""Bytes that the shapes of any file may take, however small it is."""


def from_nir(
    path: str | os.PathLike[str],
    *,
    dt: float | None = None,
    source: str | None = None,
    reset: Told = None,
    reset_delay: bool | None = None,
    output: str | None = None,
) -> FloatNetwork | IntNetwork:
    """Network of a NIR file, ours or anyone's.

    A file with lifexport's record gives back the network that was written, bit for bit: a float network, an integer
    network, or, where it was written for an importer, the float network as that importer runs it. Any other is read as
    ``source`` runs it. NIR's own text is ``"ode"``: the exact solution of the ODE over a step, ``v > v_threshold``,
    hard reset to ``v_reset``, a start at ``v_leak``. In loops, feedback arrives one step late.

    Parameters
    ----------
    path : str or path
        A ``.nir`` file. It is not trusted: links, foreign types and arrays larger than the file can hold are refused
        before anything is allocated.
    dt : float, seconds, optional
        Time step; needed where neither record nor source says it, and must agree where one does. Where ``tau`` counts
        steps no spike depends on it: a step is then called 1 ms.
    source : str, optional
        Whose network it is: ``"ode"`` (default), ``"norse"``, ``"norse-export"``, ``"snntorch"``, ``"spikingjelly"``,
        ``"sinabs-single"``, ``"rockpool-single"``, ``"spyx"``, ``"snn-mlir"``, ``"spinnaker2"``, ``"lava"``; only for
        files without record. ``nir_sources`` says what each of them does.
    reset : ``"subtract"`` | ``"value"`` | ``"value_held"`` | ``"none"``, or a mapping from node to these, optional
        What the network was trained with, where the source has several and NIR does not say. One word is for every
        population, each by what its tool's neuron makes of it (``"value"`` of snnTorch's RLeaky holds the membrane for
        a step); a mapping names the rule of each population itself, and under ``"*"`` the word for the rest.
    reset_delay : bool, optional
        For ``"snntorch"``: whether it was trained with ``reset_delay=True``, its default, or False.
    output : str, optional
        Which output to keep where there are several.

    Returns
    -------
    FloatNetwork or IntNetwork
        Of a file without record a float network; its readout is the spike count, or the last membrane if its last
        neurons never spike.

    Raises
    ------
    FileError
        LX003 for a missing, damaged or foreign file, LX004 for a record of a newer version.
    ParameterError, ShapeError
        LX101, LX102, LX104, LX105, LX107 for arrays that make no network; LX103 for a missing or
        contradicting ``dt``; LX006 for an option that does not apply; LX111 for values that no tool could have meant
        under source and ``dt``; LX112 for a reset that must be told.
    UnsupportedError
        LX401 for what a float network, or the source, cannot say, LX108 for a loop without neurons.
    MismatchError
        LX403 if record and arrays disagree.

    Examples
    --------
    >>> from_nir("no-such.nir")
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: no-such.nir: No such file or directory; fix: ...
    """
    reading = load(path, dt, source, reset=reset, reset_delay=reset_delay, output=output)
    if reading.network is None:
        raise all_of(reading.findings)
    return reading.network


class Reading(NamedTuple):
    """A file as far as it could be understood."""

    network: FloatNetwork | IntNetwork | None
    findings: tuple[Finding, ...]
    record: Mapping[str, Any] | None
    """The file's record, parsed."""
    says: str = ""
    """How a file without record was read."""
    graph: RawGraph | None = None
    """What the file holds."""


def load(
    path: str | os.PathLike[str],
    dt: float | None,
    source: str | None,
    *,
    reset: Told = None,
    reset_delay: bool | None = None,
    output: str | None = None,
) -> Reading:
    """Read a file as far as it can be understood, with everything found on the way; raises nothing of its own."""
    findings: list[Finding] = []
    network: FloatNetwork | IntNetwork | None = None
    fields, says, graph = None, "", None
    with collect(findings):
        graph, budget = read_raw(Path(path))
        if provenance.KEY in graph.metadata:
            fields = provenance.parse(graph.metadata[provenance.KEY])
            with collect(findings):
                _check_options(fields, dt, source=source, reset=reset, reset_delay=reset_delay, output=output)
            if fields["kind"] == FloatNetwork.__name__ and fields.get("profile", PLAIN) == PLAIN:
                network = restore(graph, fields, findings)
            else:
                network = restored(graph, fields, max(budget, ROOM), findings)
        else:
            if dt is not None:
                _require_seconds(dt)
            told = nir_foreign.Options(dt, source, reset, reset_delay, output)
            network, says = nir_foreign.read(graph, told, findings, max(budget, ROOM))
        if network is not None:
            require_room(network, budget // INFLATION)
    return Reading(None if findings else network, tuple(findings), fields, says, graph)


def _check_options(fields: Mapping[str, Any], dt: float | None, **options: Any) -> None:
    """Refuse options that the record of a file answers."""
    for name, value in options.items():
        if value is not None:
            found = f"{value!r}; the file's record says how it was trained"
            raise error("LX006", field=name, found=found, fix="leave it out")
    if dt is not None:
        _require_seconds(dt)
        if float(dt) != provenance.exact_dt(fields):
            found = f"{dt!r} s; the file's record says {provenance.exact_dt(fields)!r} s"
            raise error("LX103", field="dt", found=found, fix="leave dt out")


def _require_seconds(dt: float) -> None:
    if isinstance(dt, bool) or not isinstance(dt, numbers.Real) or not 0 < float(dt) < math.inf:
        raise error("LX103", field="dt", found=f"{dt!r}", fix="give a positive number of seconds")
