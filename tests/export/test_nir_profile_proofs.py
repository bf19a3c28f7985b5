"""The proof of a profile notices what float32 does not explain, by the importer's arithmetic and in what is read."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

import lifexport as lx
from lifexport import errors
from lifexport.export.nir_profiles import PROFILES, bounds, model, proving
from tests.interop import cases

FORMS = {"rockpool": "subtract", "spyx": "subtract"}
ULP = 2.0**-24


def net_for(name: str, form: str = "feed-forward"):
    return cases.network(form, FORMS.get(name, "value"), 0)


def changed(monkeypatch, name: str, change) -> None:
    """A profile that writes other scales, biases or fields than it should: ``change`` makes them of what is written."""
    profile = PROFILES[name]

    def wrong(kind):
        def make(form):
            written = kind(form)
            return dataclasses.replace(written, **change(written))

        return make

    kinds = {kind: wrong(make) for kind, make in profile.kinds.items()}
    monkeypatch.setitem(PROFILES, name, dataclasses.replace(profile, kinds=kinds))


def low(written, share: float) -> dict:
    return {"fields": written.fields | {"v_threshold": written.fields["v_threshold"] * np.float32(share)}}


WRONG = {
    "weights 1.4e-6 too strong": lambda written: {"scale": written.scale * (1 + 1.4e-6)},
    "biases 5e-6 off": lambda written: {"bias": written.bias + 5e-6 * written.scale},
    "thresholds 16 float32 steps low": lambda written: low(written, 1 - 32 * ULP),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("name", PROFILES)
def test_a_file_that_is_a_little_wrong_is_not_written(tmp_path, monkeypatch, name, what):
    net = net_for(name)
    assert lx.to_nir(net, tmp_path / "right.nir", profile=name).proofs
    changed(monkeypatch, name, WRONG[what])
    with pytest.raises(errors.MismatchError, match=r"LX402.*float32 explains"):
        lx.to_nir(net, tmp_path / "m.nir", profile=name)
    assert not (tmp_path / "m.nir").exists()


def test_the_proof_is_against_the_network_that_was_trained(tmp_path, monkeypatch):
    """Without neurons that carry them, spyx runs late biases too early: the file of before."""
    monkeypatch.setitem(PROFILES, "spyx", dataclasses.replace(PROFILES["spyx"], bias_neuron=None))
    with pytest.raises(errors.MismatchError, match=r"LX402 .*last: step 0"):
        lx.to_nir(net_for("spyx"), tmp_path / "m.nir", profile="spyx")


@pytest.mark.parametrize("run", ["_by_the_model", "_as_read"])
def test_both_runs_are_held_against_it(tmp_path, monkeypatch, run):
    real = getattr(proving, run)

    def apart(written, x):
        spikes, v = real(written, x)
        return spikes, {name: rows * (1 + 2e-6) for name, rows in v.items()}

    monkeypatch.setattr(proving, run, apart)
    with pytest.raises(errors.MismatchError, match="LX402"):
        lx.to_nir(net_for("norse"), tmp_path / "m.nir", profile="norse")


def test_a_comparison_of_the_other_kind_is_noticed(tmp_path, monkeypatch):
    """Thresholds that are met exactly fire; an importer that fires above them must be given a lower one."""
    changed(monkeypatch, "norse", lambda written: low(written, 1 + 2 * ULP))
    net = cases.network("ties", "value", 0)
    text = lx.to_nir(net, tmp_path / "m.nir", profile="norse").proofs[1]
    assert "samples left where rounding decided a spike" in text.split(";")[1]


def test_nan_is_no_agreement(tmp_path, monkeypatch):
    real = model.modelled

    def broken(*arguments):
        run = real(*arguments)
        return dataclasses.replace(run, v={name: rows * np.nan for name, rows in run.v.items()})

    monkeypatch.setattr(proving, "modelled", broken)
    with pytest.raises(errors.MismatchError, match="LX402"):
        lx.to_nir(net_for("norse"), tmp_path / "m.nir", profile="norse")


@pytest.mark.parametrize("name", PROFILES)
def test_bounds_are_not_much_wider_than_what_rounding_does(tmp_path, name):
    forms = ("feed-forward", "recurrent" if name not in ("snntorch", "sinabs") else "integrators")
    for form in forms:
        text = lx.to_nir(net_for(name, form), tmp_path / "m.nir", profile=name).proofs[1]
        by_model, read = (float(share) for share in re.findall(r"at most ([\d.]+) of its bound", text))
        assert 0.1 < by_model < 0.7 and read < 0.7, text


def test_inputs_of_the_proof_let_every_population_live_and_touch_a_threshold():
    for form in ("feed-forward", "per-neuron", "conv", "integrators"):
        net = cases.network(form, "value", 0)
        x = proving.inputs(net, late=3)
        assert len(x) == proving.STEPS + 3 and (x == x.astype(np.float32)).all()
        run = lx.simulate(net, x, record=("spikes", "v"))
        assert all(0.02 < rows.mean() < 0.7 for rows in run.spikes.values())
        first = next(iter(net.populations))
        node = net.nodes[first]
        share = np.abs((run.v[first][0, -3:] - node.v_threshold) / (node.v_threshold - node.v_reset))
        assert (share < 1e-6).any(axis=tuple(range(1, share.ndim))).all(), "the last three samples touch a threshold"


def test_a_bound_grows_with_what_arrives_and_decays_with_the_membrane():
    net = cases.network("feed-forward", "value", 0)
    x = np.zeros((60, 1, 12))
    x[0] = 1.0
    run = lx.simulate(net, x, record=("spikes", "v"))
    once = bounds.bounds(net, {"in": x} | run.spikes, run.v)["hidden"]
    twice = lx.simulate(net, 2 * x, record=("spikes", "v"))
    assert (bounds.bounds(net, {"in": 2 * x} | twice.spikes, twice.v)["hidden"][0] > 1.5 * once[0]).all()
    assert (once > 0).all() and once.max() < 1e-5
