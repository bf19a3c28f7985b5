"""The interop matrix: which networks each importer of NIR runs as they were trained, by running them there.

    bash benchmarks/interop_environments.sh     # once: the packages, in environments of their own
    python benchmarks/nir_interop.py            # the table; --markdown as it stands in docs/nir.md

A cell is how many spikes differ from the trained network's, over all seeds, of so many; ``-`` is a network that
the profile refuses by name. Near ties (a potential within 8 float32 steps of a threshold) are counted beside it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import lifexport as lx
from lifexport.export.nir_profiles import PROFILES
from lifexport.interop.verifying import NirVerdict, Request, verify_all
from tests.interop import cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("profiles", nargs="*", default=list(PROFILES))
    asked = parser.parse_args()
    forms = cases.FORMS
    lines = [("importer", "reset", *forms)]
    with tempfile.TemporaryDirectory() as name:
        for profile in asked.profiles:
            for reset in cases.RESETS:
                found = {form: _cell(Path(name), profile, reset, form, asked.seeds) for form in forms}
                verdicts = (
                    verify_all([r for requests in found.values() for r in requests]) if any(found.values()) else []
                )
                rows = iter(verdicts)
                cells = [_text([next(rows) for _ in found[form]]) for form in forms]
                who = verdicts[0].importer + ("" if verdicts[0].installed else " (model)") if verdicts else profile
                lines.append((who, reset, *cells))
                print(" | ".join(lines[-1]), file=sys.stderr)
    _print(lines, markdown=asked.markdown)
    print()
    _print(_integers(), markdown=asked.markdown)


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
            cells = [_text([verdicts[case]] if case in verdicts else []) for case in columns]
            first = next(iter(verdicts.values()))
            lines.append((first.importer + ("" if first.installed else " (model)"), *cells))
    return lines


def _cell(folder: Path, profile: str, reset: str, form: str, seeds: int) -> list[Request]:
    requests = []
    for seed in range(seeds):
        net = cases.network(form, reset, seed)
        path = folder / f"{profile}-{reset}-{form}-{seed}.nir"
        try:
            lx.to_nir(net, path, profile=profile)
        except lx.errors.UnsupportedError:
            return []
        requests.append(Request(path=path, inputs=cases.inputs(net, seed), network=net))
    return requests


def _text(verdicts: list[NirVerdict]) -> str:
    if not verdicts:
        return "-"
    parts = [verdict.against_trained for verdict in verdicts]
    assert all(part is not None for part in parts)
    wrong = sum(part.differing + part.after_ties for part in parts)
    ties = sum(part.near_ties for part in parts)
    total = sum(part.steps * part.samples * part.neurons for part in parts)
    return f"{wrong} of {total}" + (f" ({ties} ties)" if ties else "")


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
