"""Files in the packages they were written for: every cell that is carried, three seeds, spike by spike."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

import lifexport as lx
from lifexport.interop.environments import TOOLS, Ran, interpreter, run_jobs
from lifexport.interop.verifying import Request, verify_all
from tests.interop import cases

SEEDS = range(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("interop")


@functools.cache
def verdicts(name: str, folder: Path) -> dict[tuple[str, str, int], object]:
    """All cells of a package, run in one process of its own."""
    cells = [(reset, form, seed) for reset, forms in cases.CARRIED[name].items() for form in forms for seed in SEEDS]
    requests = []
    for reset, form, seed in cells:
        net = cases.network(form, reset, seed)
        path = folder / f"{name}-{reset}-{form}-{seed}.nir"
        lx.to_nir(net, path, profile=name, verify=False)
        requests.append(Request(path=path, inputs=cases.inputs(net, seed), network=net))
    return dict(zip(cells, verify_all(requests), strict=True))


def installed(name: str) -> str:
    if interpreter(name) is None:
        pytest.skip(f"another package is not installed: {name} (benchmarks/interop_environments.sh)")
    return name


@pytest.mark.parametrize("name", TOOLS)
def test_spikes_are_those_that_were_trained(folder, name):
    found = verdicts(installed(name), folder)
    for cell, verdict in found.items():
        assert verdict.installed and verdict.holds, f"{cell}\n{verdict}"
        for part in (verdict.against_model, verdict.against_trained):
            assert part.exact and part.spikes > 50 and part.steps >= cases.STEPS - 2, f"{cell}\n{verdict}"
            if cell[1] != "ties":
                assert part.near_ties <= 1e-3 * part.potentials, f"{cell}\n{verdict}"
    assert len(found) == len(SEEDS) * sum(map(len, cases.CARRIED[name].values()))


@pytest.mark.parametrize("name", cases.INTEGERS)
def test_integers_in_codes_are_exact(folder, name):
    requests = []
    for case in cases.INTEGERS[installed(name)]:
        q, codes = cases.integers(case)
        path = folder / f"{name}-{case}.nir"
        lx.to_nir(q, path, profile=name, domain="integer", verify=False)
        requests.append(Request(path=path, inputs=codes, network=q))
    for verdict in verify_all(requests):
        assert verdict.installed and verdict.against_trained.exact and verdict.against_trained.spikes > 30, str(verdict)


@pytest.mark.parametrize("name", ["norse", "snntorch"])
def test_a_plain_file_is_wrong_there_and_noticed(folder, name, monkeypatch):
    """What the profiles are for: the ODE's parameters as they are give other spikes, and the verdict says so."""
    net = cases.network("feed-forward", "value", 0)
    good = lx.to_nir(net, folder / f"{installed(name)}-good.nir", profile=name, verify=False)
    plain = lx.to_nir(net, folder / f"{name}-plain.nir", verify=False)
    real = run_jobs

    def swapped(tool, jobs):
        return real(tool, [type(job)(file=plain.path, x=job.x, dt=job.dt, reset=job.reset) for job in jobs])

    monkeypatch.setattr("lifexport.interop.verifying.run_jobs", swapped)
    (verdict,) = verify_all([Request(path=good.path, inputs=cases.inputs(net, 0), network=net)])
    assert not verdict.holds and verdict.against_trained.differing > 100
    assert "FAILS in" in str(verdict) and "first at step" in str(verdict)


def test_what_a_package_raises_is_reported_for_that_job_alone(folder):
    from lifexport.interop.environments import Job

    name = installed("norse")
    net = cases.network("feed-forward", "value", 0)
    path = lx.to_nir(net, folder / "ok.nir", profile=name, verify=False).path
    (folder / "bad.nir").write_bytes(path.read_bytes()[:3000])
    jobs = [Job(file=folder / f, x=cases.inputs(net, 0), dt=1e-3, reset="value") for f in ("bad.nir", "ok.nir")]
    bad, ok = run_jobs(name, jobs)
    assert isinstance(bad, Ran) and bad.output is None and bad.error and ok.error is None and ok.output is not None
