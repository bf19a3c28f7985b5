"""What importers make of their files in float32: weights, time steps and decays as they arrive there."""

from __future__ import annotations

import numpy as np
import pytest

import lifexport as lx
from lifexport.export.nir_float32 import rockpool_decay, rockpool_dt
from lifexport.export.nir_profiles import PROFILES, rockpool
from lifexport.export.nir_profiles.neuron import neuron
from lifexport.nodes import FloatDense
from tests.export.nir_files import lif
from tests.export.test_nir_profiles import chain, run_by_model


@pytest.mark.parametrize(("share", "fires"), [(0.999999, 0), (1 - 2e-7, 0), (1 + 3e-7, 1), (1.000001, 1)])
@pytest.mark.parametrize("profile", [name for name in PROFILES if name not in ("snn-mlir", "lava")])
def test_a_weight_that_just_misses_the_threshold_misses_it_there(tmp_path, profile, share, fires):
    reset = "subtract" if profile in ("rockpool", "spyx") else "value"
    node = lif(1, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0, v_rest=0.0, v_initial=0.0, reset=reset)
    net = chain(FloatDense(weight=[[share / node.gain.item()]]), node, size=(1,))
    x = np.zeros((6, 1, 1), np.float32)
    x[0] = 1
    path = lx.to_nir(net, tmp_path / "m.nir", profile=profile).path
    again, run = run_by_model(path, x)
    assert lx.simulate(net, x).output.sum() == run.spikes[again.readout_name].sum() == fires
    assert lx.simulate(again, x).output.sum() == fires


@pytest.mark.parametrize("dt", [1e-3, 1e-4, 1 / 3, 1.0, 0.00137])
def test_rockpool_keeps_nothing_and_multiplies_by_one(dt):
    rng = np.random.default_rng(0)
    node = lif(40, dt=dt, tau=rng.uniform(2, 50, 40) * dt, r=1.0, v_threshold=1.0, v_reset=0.0)
    written = rockpool.PROFILE.written(neuron(node))
    fields = {name: np.asarray(value, np.float32) for name, value in written.fields.items()}
    step = rockpool_dt(fields["tau_mem"], fields["r"])
    assert 0 <= (step - float(np.float32(dt))) / np.spacing(np.float32(dt)) <= 1
    kept = rockpool_decay(fields["tau_syn"], step).astype(np.float64)
    assert kept.max() < 1e-9
    np.testing.assert_allclose(kept * written.scale / node.gain, 1, rtol=2.0**-24, atol=0)
    codes = np.arange(-128, 128)  # short numbers come back as they were
    inverse = (written.scale / node.gain)[0]
    assert ((codes * inverse).astype(np.float32) * np.float32(kept[0]) == codes).all()
