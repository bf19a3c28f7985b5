"""The graphs of the NIR paper go through the whole chain, and its recorded traces come out of ours."""

from __future__ import annotations

import numpy as np
import pytest

import lifexport as lx
from tests.data import DATA, needs

GRAPHS = DATA / "nir_paper"

READ = {
    "01_lif/lif_norse.nir": {"dt": 1e-4, "source": "norse"},
    "02_cnn/cnn_sinabs.nir": {"dt": 1e-3, "source": "sinabs-single"},
    "03_rnn/braille_noDelay_bias_zero.nir": {"source": "snntorch", "reset": {"lif1.lif": "value", "lif2": "value"}},
    "03_rnn/braille_noDelay_noBias_subtract.nir": {"source": "snntorch", "reset": "subtract"},
}
CHAINS = [
    ("01_lif/lif_norse.nir", "loihi-lava", ("norse", "snntorch", "spikingjelly", "sinabs")),
    ("02_cnn/cnn_sinabs.nir", "sinabs-iaf", ("sinabs",)),
    ("03_rnn/braille_noDelay_bias_zero.nir", None, ("norse", "spikingjelly")),
    ("03_rnn/braille_noDelay_noBias_subtract.nir", "fpga-q", ()),
]


@needs("nir_paper")
@pytest.mark.parametrize(("name", "target", "profiles"), CHAINS, ids=lambda value: str(value)[:24])
def test_read_simulate_quantize_and_export(tmp_path, name, target, profiles):
    f = lx.from_nir(GRAPHS / name, **READ[name])
    rng = np.random.default_rng(0)
    x = (rng.random((40, 2, *f.nodes[f.input_name].shape)) < 0.15).astype(float)
    assert lx.simulate(f, x).output.any()
    if target is not None:
        q = lx.quantize(f, target, calibration=x)
        again = lx.from_nir(lx.to_nir(q, tmp_path / "q.nir").path)
        assert lx.same(again, q) and lx.simulate(again, q.encode(x).codes).output.any()
    for profile in profiles:
        result = lx.to_nir(f, tmp_path / "m.nir", profile=profile)
        assert "0 spikes differ" in result.proofs[1]


@needs("nir_paper")
@pytest.mark.parametrize(
    ("tool", "source", "near"),
    [("norse", {"source": "norse", "dt": 1e-4}, 1e-7), ("snntorch", {"source": "snntorch", "reset": "value"}, 2e-6)],
)
def test_recorded_traces(tool, source, near):
    """One neuron, 1000 steps: input, membrane after its reset, and spikes as that tool's authors recorded them."""
    x, v, spikes = np.genfromtxt(GRAPHS / f"01_lif/lif_{tool}.csv", delimiter=",").T
    f = lx.from_nir(GRAPHS / "01_lif/lif_norse.nir", **source)
    trace = lx.simulate(f, x.reshape(-1, 1, 1), record=("v_post",))
    (membrane,) = trace.v_post.values()
    assert spikes.sum() == 4
    np.testing.assert_array_equal(trace.output.ravel(), spikes)
    assert np.abs(membrane.ravel() - v).max() < near < np.abs(v).max() / 1e4
