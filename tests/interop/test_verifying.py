from __future__ import annotations

import json
import sys

import nir
import numpy as np
import pytest

import lifexport as lx
from lifexport import errors
from lifexport.export.nir_golden import read_golden
from lifexport.interop import environments, verify_nir
from lifexport.interop.environments import Job, interpreter, run_jobs
from lifexport.interop.verdict import Agreement, agreement
from lifexport.interop.verifying import NirVerdict
from tests.interop import cases


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No other package is installed."""
    monkeypatch.setattr(environments.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("LIFEXPORT_INTEROP", str(tmp_path / "nowhere"))
    for tool in environments.TOOLS:
        monkeypatch.delenv(f"LIFEXPORT_{tool.upper()}_PYTHON", raising=False)


@pytest.fixture
def exported(tmp_path):
    net = cases.network("recurrent", "value", 1)
    return net, lx.to_nir(net, tmp_path / "m.nir", profile="norse", verify=False).path, cases.inputs(net, 1)


def test_the_model_stands_in(alone, exported):
    net, path, x = exported
    verdict = verify_nir(path, x, network=net)
    assert verdict.holds and not verdict.installed and verdict.against_model is None
    assert verdict.against_trained is not None and verdict.against_trained.exact
    assert str(verdict).startswith("m.nir: holds in model of norse 1.1.0 (not installed), output 0 steps late")


def test_nothing_to_compare_with_is_refused(alone, exported):
    _, path, x = exported
    with pytest.raises(errors.ParameterError, match=r"LX006.*not installed, and no trained network"):
        verify_nir(path, x)


def test_wrong_questions(alone, exported, tmp_path):
    net, path, x = exported
    with pytest.raises(errors.ParameterError, match=r"LX006.*profile.*'snntorch'; the file was written for 'norse'"):
        verify_nir(path, x, network=net, profile="snntorch")
    with pytest.raises(errors.ParameterError, match=r"LX006.*network.*not the network that the file was made of"):
        verify_nir(path, x, network=cases.network("recurrent", "value", 2))
    with pytest.raises(errors.ParameterError, match="LX301"):
        verify_nir(path, x[..., :3], network=net)
    plain = lx.to_nir(net, tmp_path / "p.nir").path
    with pytest.raises(errors.ParameterError, match=r"LX006.*not written for an importer"):
        verify_nir(plain, x, network=net)


@pytest.mark.parametrize(
    ("profile", "form"), [("norse", "recurrent"), ("rockpool", "recurrent"), ("spyx", "feed-forward")]
)
def test_golden_vectors(alone, tmp_path, profile, form):
    net = cases.network(form, "subtract", 0)
    x = cases.inputs(net, 0)
    path = lx.to_nir(net, tmp_path / "m.nir", profile=profile, verify=False).path
    verdict = verify_nir(path, x, network=net)
    assert verdict.golden == tmp_path / "m.nir.golden"
    assert verdict.golden is not None and verdict.holds and verdict.against_trained.exact
    seen, output = read_golden(verdict.golden)
    np.testing.assert_array_equal(seen, x)
    np.testing.assert_array_equal(output[verdict.lag :], lx.simulate(net, x).output[: len(x) - verdict.lag])
    data = nir.read_data(str(verdict.golden))
    data.check_nodes(nir.read(path))  # a node for every part, as many neurons as it has
    first = verdict.golden.read_bytes()
    verify_nir(path, x, network=net, golden=tmp_path / "m.golden")
    assert (tmp_path / "m.golden").read_bytes() == first


def test_what_a_near_tie_may_have_caused_is_counted_apart():
    want = np.zeros((4, 2, 3))
    want[1, 0, 2] = want[3, 1, 0] = 1
    margins = {"a": np.full((4, 2, 3), 99.0), "b": np.full((4, 2, 1), 99.0)}
    margins["b"][2, 1, 0] = -8.0
    found = agreement(np.zeros((4, 2, 3)), want, margins, 8)
    assert (found.differing, found.after_ties, found.near_ties, found.potentials) == (1, 1, 1, 32)
    assert found.first == (1, 0, 2)
    assert agreement(want, want, margins, 8).exact
    with pytest.raises(errors.MismatchError, match="LX402"):
        agreement(want[1:], want, margins, 8)


@pytest.mark.parametrize(
    ("differing", "near", "after", "holds"), [(0, 0, 0, True), (1, 0, 0, False), (0, 1, 2, True), (0, 2, 2, False)]
)
def test_a_verdict_holds_if_nothing_differs_but_after_few_near_ties(differing, near, after, holds):
    part = Agreement(
        steps=10, samples=1, neurons=1, spikes=5, differing=differing, near_ties=near, potentials=1000,
        after_ties=after, first=(1, 0, 0) if differing or after else None, ulps=8,
    )  # fmt: skip
    fields = {"file": "m", "profile": "norse", "importer": "norse 1.1.0", "installed": True, "lag": 0}
    assert NirVerdict(**fields, against_model=part, against_trained=None).holds is holds
    assert NirVerdict(**fields, against_model=None, against_trained=part).holds is holds


# Environments


FAKE = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[2])
{body}
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """An interpreter that runs a body of its own in place of a runner."""

    def make(body: str) -> None:
        script = tmp_path / "fake.py"
        script.write_text(f"#!{sys.executable}\n" + FAKE.format(body=body))
        script.chmod(0o755)
        monkeypatch.setenv("LIFEXPORT_NORSE_PYTHON", str(script))

    return make


def job(exported) -> Job:
    return Job(file=exported[1], x=exported[2], dt=1e-3, reset="value", settings=("reset_subtract",))


def test_a_job_says_everything(fake, exported, tmp_path):
    kept = tmp_path / "seen.json"
    report = {"tool": {"name": "n", "version": "1"}, "jobs": [{"error": "E: no"}]}
    fake(
        f"pathlib.Path({str(kept)!r}).write_text((folder / 'jobs.json').read_text())\n"
        f"(folder / 'report.json').write_text(json.dumps({report!r}))"
    )
    (ran,) = run_jobs("norse", [job(exported)])
    assert (ran.importer, ran.output, ran.error) == ("n 1", None, "E: no")
    (told,) = json.loads(kept.read_text())
    assert told["file"] == str(exported[1].resolve()) and told["settings"] == ["reset_subtract"] and told["dt"] == 1e-3
    with pytest.raises(errors.ToolError, match=r"LX419.*n 1: E: no"):
        verify_nir(exported[1], exported[2], network=exported[0])


def test_a_runner_that_dies_is_reported(fake, exported):
    fake("sys.exit('no such module: torch')")
    with pytest.raises(errors.ToolError, match=r"LX419.*norse: no such module: torch"):
        run_jobs("norse", [job(exported)])


def test_a_package_that_is_missing(alone, exported):
    assert interpreter("norse") is None
    with pytest.raises(errors.MissingDependencyError, match=r"LX005.*LIFEXPORT_NORSE_PYTHON"):
        run_jobs("norse", [job(exported)])


def test_where_packages_are_looked_for(alone, monkeypatch, tmp_path):
    python = tmp_path / "nowhere" / "torch" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    assert interpreter("sinabs") == python
    monkeypatch.setenv("LIFEXPORT_SINABS_PYTHON", "/usr/bin/other")
    assert str(interpreter("sinabs")) == "/usr/bin/other"
