"""The interop matrix: which networks each importer of NIR runs as they were trained, by running them there.

    bash benchmarks/interop_environments.sh     # once: the packages, in environments of their own
    python benchmarks/nir_interop.py            # the table; --markdown as it stands in docs/nir.md

A cell of the first table is how many spikes differ from the trained network's, over all seeds, of so many; ``-`` is a
network that the profile refuses by name. Beside it: how many potentials came within 1e-6 of a threshold, and, if any,
how many of those spikes differ after a near tie (within 8 float32 steps) in their sample, where rounding decides.
Every layer has biases, 500 steps; ``grazed`` networks touch their thresholds on purpose. The second is the same for
networks quantized for fpga-q (8-bit weights), against what their integers say in real numbers; ``chip`` is how many
spikes that differs by from the integer simulator's, whose leaks are rounded. The third is of targets that do not leak,
in codes, against the integer simulator itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

import lifexport as lx
from lifexport.export.nir_integers import as_float
from lifexport.export.nir_profiles import PROFILES
from lifexport.interop.verifying import NirVerdict, Request, verify_all
from tests.interop import cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("profiles", nargs="*", default=list(PROFILES))
    asked = parser.parse_args()
    for quantized in (False, True):
        lines, sums = _matrix(asked.profiles, asked.seeds, quantized=quantized)
        _print(lines, markdown=asked.markdown)
        whole = [sum(column) for column in zip(*sums.values(), strict=True)] if sums else [0] * 6
        print("\nin the packages themselves: " + _sum(whole))
        for who, mine in sums.items():
            print(f"  {who}: {_sum(mine)}")
        print()
    _print(_integers(), markdown=asked.markdown)


def _matrix(profiles: list[str], seeds: int, *, quantized: bool) -> tuple[list[tuple[str, ...]], dict[str, list[int]]]:
    """The table of all forms, and what was run in each package: networks, and what ``_counts`` counts."""
    lines = [("importer, fpga-q" if quantized else "importer", "reset", *cases.FORMS)]
    sums: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as name:
        for profile in profiles:
            for reset in cases.RESETS:
                found = {f: _cell(Path(name), profile, reset, f, seeds, quantized=quantized) for f in cases.FORMS}
                if not any(found.values()):
                    continue
                verdicts = verify_all([request for requests in found.values() for request, _ in requests])
                rows, texts = iter(verdicts), []
                for requests in found.values():
                    mine = [next(rows) for _ in requests]
                    texts.append(_text(mine, [q for _, q in requests]))
                    if mine and mine[0].installed:
                        before = sums.setdefault(mine[0].importer, [0] * 6)
                        now = (len(mine), *_counts(mine))
                        sums[mine[0].importer] = [a + b for a, b in zip(before, now, strict=True)]
                who = verdicts[0].importer + ("" if verdicts[0].installed else " (model)")
                lines.append((who, reset, *texts))
                print(" | ".join(lines[-1]), file=sys.stderr)
    return lines, sums


def _integers() -> list[tuple[str, ...]]:
    """Networks of targets whose neurons do not leak, in codes: spikes that differ from the integer simulator's."""
    columns = sorted({case for names in cases.INTEGERS.values() for case in names})
    lines = [("importer, integers in codes", *columns)]
    with tempfile.TemporaryDirectory() as name:
        for profile, mine in cases.INTEGERS.items():
            requests = []
            for case in mine:
                q, codes = cases.integers(case)
                path = Path(name) / f"{profile}-{case}.nir"
                lx.to_nir(q, path, profile=profile, domain="integer")
                requests.append(Request(path=path, inputs=codes, network=q))
            verdicts = dict(zip(mine, verify_all(requests), strict=True))
            cells = [_text([verdicts[case]] if case in verdicts else [], []) for case in columns]
            first = next(iter(verdicts.values()))
            lines.append((first.importer + ("" if first.installed else " (model)"), *cells))
    return lines


def _cell(
    folder: Path, profile: str, reset: str, form: str, seeds: int, *, quantized: bool
) -> list[tuple[Request, tuple[lx.IntNetwork, np.ndarray] | None]]:
    """What is run for a cell; of a quantized network also its integers, and inputs."""
    made = []
    for seed in range(seeds):
        net = cases.network(form, reset, seed)
        x = cases.inputs(net, seed)
        path = folder / f"{profile}-{reset}-{form}-{seed}.nir"
        try:
            if not quantized:
                lx.to_nir(net, path, profile=profile)
                made.append((Request(path=path, inputs=x, network=net), None))
                continue
            q, _ = cases.quantized(form, reset, seed)
            lx.to_nir(q, path, profile=profile)
            made.append((Request(path=path, inputs=x, network=as_float(q)), (q, x)))
        except lx.errors.UnsupportedError:
            return []
    return made


def _counts(verdicts: list[NirVerdict]) -> tuple[int, int, int, int, int]:
    """Spikes before any near tie that differ from the model, and from what was trained; all; after one; touching."""
    parts = [verdict.against_trained for verdict in verdicts]
    models = [part for verdict in verdicts if (part := verdict.against_model) is not None]
    every = sum(p.steps * p.samples * p.neurons for p in parts)
    after = sum(p.after_ties for p in (*parts, *models))
    touching = sum(verdict.touching for verdict in verdicts)
    return sum(p.differing for p in models), sum(p.differing for p in parts), every, after, touching


def _sum(counts: Sequence[int]) -> str:
    networks, model, wrong, total, after, touching = counts
    return (
        f"{networks} networks run, {model} spikes of {total} differ from the float32 run of the file, {wrong} from the "
        f"trained network's; {touching} potentials within 1e-6 of a threshold, {after} spikes differ after a near tie"
    )


def _text(verdicts: list[NirVerdict], integers: list[tuple[lx.IntNetwork, np.ndarray] | None]) -> str:
    if not verdicts:
        return "-"
    model, trained, total, after, touching = _counts(verdicts)
    ties = f" ({touching} touch" + (f", {after} after)" if after else ")") if touching else ""
    chip = [int((_real(q, x) != lx.simulate(q, x).output[q.latency :]).sum()) for q, x in filter(None, integers)]
    return f"{max(model, trained)} of {total}{ties}" + (f"; chip {sum(chip)}" if chip else "")


def _real(q: lx.IntNetwork, x: np.ndarray) -> np.ndarray:
    return lx.simulate(as_float(q), x).output[: len(x) - q.latency]


def _print(lines: list[tuple[str, ...]], *, markdown: bool) -> None:
    if markdown:
        head, *rows = lines
        for line in (head, ("---",) * len(head), *rows):
            print("| " + " | ".join(line) + " |")
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))


if __name__ == "__main__":
    main()
