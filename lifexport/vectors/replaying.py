"""Recorded runs of a chip, replayed by the rules of a target: every state and spike must come out again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..findings import Finding, error
from ..schemas import header
from ..simulation.run import Backend
from ..targets import Target, load_target
from .cases import Case, read_cases
from .layouts import LAYOUTS, Replayed, layout_of, recorded_for
from .networks import differences, read_network

SCHEMA = "lifexport.replay/1"


@dataclass(frozen=True, kw_only=True)
class ReplayedCase:
    """One case: where it lies, how it looks, how many numbers were compared and how many differ."""

    file: str
    case: str
    layout: str
    compared: int
    differing: int
    spikes: int
    """Recorded spikes among them."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What recorded cases have in common with a target.

    Parameters
    ----------
    target, digest : str
        Name and digest of the description whose rules were used.
    cases : tuple of ReplayedCase
        What was replayed.
    left_out : dict from str to int
        Cases that were recorded for other targets, by their names.
    findings : tuple of Finding
        LX607 with the first difference in time of every case, and with what the target says otherwise than a recorded
        network.
    """

    target: str
    digest: str
    cases: tuple[ReplayedCase, ...]
    left_out: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every number is equal."""
        return not self.findings

    @property
    def compared(self) -> int:
        """Numbers that were compared."""
        return sum(case.compared for case in self.cases)

    @property
    def differing(self) -> int:
        """Numbers that differ."""
        return sum(case.differing for case in self.cases)

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/replay.schema.json``."""
        return {
            **header(SCHEMA),
            "target": {"name": self.target, "digest": self.digest},
            "ok": self.ok,
            "compared": self.compared,
            "differing": self.differing,
            "cases": [vars(case) for case in self.cases],
            "left_out": [{"targets": name, "cases": count} for name, count in self.left_out.items()],
            "findings": [finding.to_json() for finding in self.findings],
        }


def replay(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str] | Target,
    *,
    recorded_as: str | None = None,
    backend: Backend = "reference",
) -> Replay:
    """Replay recorded vectors by the rules of a target.

    Parameters
    ----------
    path : str or path
        A ``.npz`` file, or a folder of them, whatever their names; format in ``docs/targets.md``.
    target : str, path or Target
        A shipped name, or a description of one's own.
    recorded_as : str, optional
        Shipped target whose cases are held against ``target``: its simulator's fields are read. By default ``target``
        itself.
    backend : str
        Simulator of networks; neurons alone are always driven by the definition of the step.

    Returns
    -------
    Replay

    Raises
    ------
    FileError
        LX003 for files and cases that cannot be replayed.
    ParameterError
        LX006 if none of the cases was recorded for the target.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> given = {"x": np.array([[3], [4]]), "th": 7, "vmin": -9, "spike": "single", "reset": "zero"}
    >>> recorded = {"v": np.array([[3], [0]]), "s": np.array([[0], [1]])}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     arrays = {f"mine/in/{key}": value for key, value in given.items()}
    ...     arrays |= {f"mine/out/{key}": value for key, value in recorded.items()}
    ...     np.savez(Path(folder) / "run.npz", **arrays)
    ...     found = replay(folder, "sinabs-iaf")
    >>> found.compared, found.differing
    (4, 0)
    """
    target = load_target(target)
    wanted = {target.name, recorded_as or target.name}
    if recorded_as is not None:
        load_target(recorded_as)
    done: list[ReplayedCase] = []
    findings: list[Finding] = []
    left_out: dict[str, int] = {}
    for case in read_cases(path):
        layout = layout_of(case)
        q = read_network(case) if layout.name == "network" else None
        made_for = recorded_for(case, layout) if q is None else (q.target,)
        if not wanted & set(made_for):
            key = " or ".join(made_for)
            left_out[key] = left_out.get(key, 0) + 1
            continue
        if q is not None:
            findings += differences(q, target, case.place)
        replayed = _run(case, layout.replay, target, backend)
        row, different = _compared(case, layout.name, replayed)
        done.append(row)
        findings += different
    if not done:
        raise _nothing(target, left_out)
    return Replay(
        target=target.name, digest=target.digest, cases=tuple(done), left_out=left_out, findings=tuple(findings)
    )


def _nothing(target: Target, left_out: dict[str, int]) -> Exception:
    there = ", ".join(sorted(left_out))
    known = {name for layout in LAYOUTS for name in layout.targets}
    fix = f"name one of these, or hold their cases against {target.name!r} with --as NAME"
    if target.name in known:
        fix = "name one of these"
    return error("LX006", field="target", found=f"no case for {target.name!r}; there are some for {there}", fix=fix)


def _run(case: Case, run: Any, target: Target, backend: Backend) -> Replayed:
    fix = "store the fields with the shapes that tests/golden/vectors/README.md names"
    try:
        return run(case, target, backend)
    except Exception as reason:  # fields that nobody checked meet every rule of a network, and numpy
        text = str(reason).splitlines()[0] if str(reason) else ""
        raise error(
            "LX003", node=case.place, found=f"cannot be replayed: {text or type(reason).__name__}", fix=fix
        ) from None


def _compared(case: Case, layout: str, replayed: Replayed) -> tuple[ReplayedCase, list[Finding]]:
    """Counts of a case, and its first difference in time."""
    compared, differing, spikes, firsts = 0, 0, 0, []
    for field, recorded in case.recorded.items():
        if field not in replayed:
            fix = f"known: {', '.join(sorted(replayed))}"
            raise error("LX003", node=case.place, field=f"out/{field}", found="nothing that is replayed", fix=fix)
        own = np.asarray(replayed[field])
        if own.shape != recorded.shape:
            fix = f"record shape {own.shape}: time first, a row for every step of the input"
            raise error("LX003", node=case.place, field=f"out/{field}", found=f"shape {recorded.shape}", fix=fix)
        differs = own != recorded
        compared, differing = compared + differs.size, differing + int(differs.sum())
        spikes += int(recorded.sum()) if field.rpartition(".")[2] in ("s", "s1", "s2", "out", "spikes") else 0
        if differs.any():
            index = tuple(int(i) for i in np.argwhere(differs)[0])
            firsts.append((index[0], field, index, int(recorded[index]), int(own[index])))
    row = ReplayedCase(
        file=case.file, case=case.name, layout=layout, compared=compared, differing=differing, spikes=spikes
    )
    if not firsts:
        return row, []
    _, field, index, was, now = min(firsts)
    found = f"{was} recorded, {now} by the target's rules; {differing} of {compared} numbers of this case differ"
    fix = "look at this step of this neuron first, and correct the rule of the description that acts there"
    return row, [Finding(code="LX607", node=case.place, field=field, index=index, found=found, fix=fix)]
