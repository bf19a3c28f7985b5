"""Files in the packages they were written for: every cell that is carried, three seeds, spike by spike."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
from pathlib import Path

import pytest

import lifexport as lx
from lifexport.errors import UnsupportedError
from lifexport.export.nir_integers import as_float
from lifexport.export.nir_profiles import PROFILES
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
        assert verdict.installed and (verdict.holds or cell[1] == "grazed"), f"{cell}\n{verdict}"
        for part in (verdict.against_model, verdict.against_trained):
            assert part.differing == 0 and (part.exact or cell[1] == "grazed"), f"{cell}\n{verdict}"
            assert part.spikes > 50 and part.steps >= cases.STEPS - 2, f"{cell}\n{verdict}"
            if cell[1] == "grazed":
                assert verdict.touching > 200, f"{cell}\n{verdict}"
            elif cell[1] != "ties":
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


@pytest.mark.parametrize("name", TOOLS)
def test_quantized_networks_fire_as_their_integers_say_in_real_numbers(folder, name):
    requests = []
    for reset, forms in cases.CARRIED[installed(name)].items():
        for form in {"feed-forward", "recurrent", "conv"} & {*forms}:
            q, x = cases.quantized(form, reset, 0)
            path = folder / f"{name}-{reset}-{form}-quantized.nir"
            lx.to_nir(q, path, profile=name, verify=False)
            requests.append(Request(path=path, inputs=x, network=as_float(q)))
    for verdict in verify_all(requests):
        assert verdict.installed and verdict.holds and verdict.against_model.exact, str(verdict)
        assert verdict.against_trained.exact and verdict.against_trained.spikes > 50, str(verdict)


READERS = """
import json, sys, warnings
import nir, nirtorch, torch
warnings.simplefilter("ignore")

class Any(torch.nn.Module):
    def forward(self, x, state=None):
        return x

KINDS = ("Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "IF", "LI", "LIF", "CubaLIF")
for file in sys.argv[1:]:
    nirtorch.nir_to_torch(nir.read(file), {getattr(nir, kind): lambda node: Any() for kind in KINDS})
"""


def test_nirtorch_reads_every_file(folder):
    files = []
    for form in cases.FORMS:
        for reset in cases.RESETS:
            net = cases.network(form, reset, 0)
            for profile in ("plain", *PROFILES):
                path = folder / f"read-{form}-{reset}-{profile}.nir"
                with contextlib.suppress(UnsupportedError):
                    files.append(lx.to_nir(net, path, profile=profile, verify=False).path)
    for case in ("fpga-q, integrators", "lava, current", "sinabs, loop"):
        files.append(lx.to_nir(cases.integers(case)[0], folder / f"{case}.nir", verify=False).path)
    assert len(files) > 100
    python = interpreter(installed("norse"))
    done = subprocess.run([python, "-c", READERS, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


MLIR = """
import json, sys
from snn_mlir._check import check
from snn_mlir.nodes import NODE_PARSERS
import nir
found = {}
for file in sys.argv[1:]:
    report = check(file)
    decays = [getattr(NODE_PARSERS[type(n)](n, name), "decay", None) for name, n in nir.read(file).nodes.items()
              if type(n) in NODE_PARSERS]
    found[file] = [report.ok, [f.message for f in report.errors], [d for d in decays if d is not None]]
print(json.dumps(found))
"""


def test_the_front_end_of_snn_mlir_accepts_its_files(folder):
    """Its own check, and the decay it will emit."""
    python = interpreter(installed("snn_mlir"))
    files = {}
    for form in ("feed-forward", "shifted", "recurrent", "conv", "average-pool", "integrators", "synapses"):
        net = cases.network(form, "value", 0)
        files[str(lx.to_nir(net, folder / f"mlir-{form}.nir", profile="snn-mlir", verify=False).path)] = net
    done = subprocess.run([python, "-c", MLIR, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for file, (ok, messages, decays) in json.loads(done.stdout).items():
        assert ok, (file, messages)
        want = [float(node.decay.flat[0]) for node in files[file].populations.values() if node.kind != "CubaLIF"]
        assert sorted(decays) == pytest.approx(sorted(want), abs=1e-6)


def test_what_a_package_raises_is_reported_for_that_job_alone(folder):
    from lifexport.interop.environments import Job

    name = installed("norse")
    net = cases.network("feed-forward", "value", 0)
    path = lx.to_nir(net, folder / "ok.nir", profile=name, verify=False).path
    (folder / "bad.nir").write_bytes(path.read_bytes()[:3000])
    jobs = [Job(file=folder / f, x=cases.inputs(net, 0), dt=1e-3, reset="value") for f in ("bad.nir", "ok.nir")]
    bad, ok = run_jobs(name, jobs)
    assert isinstance(bad, Ran) and bad.output is None and bad.error and ok.error is None and ok.output is not None
