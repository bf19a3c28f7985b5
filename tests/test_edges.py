"""Every legal kind of edge through every reader: each membrane, each spike, and what leaves."""

from __future__ import annotations

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from edge_nets import KINDS, STEPS, float_network, int_network
from stories.plain_python import run

import lifexport as lx
from lifexport.bundle.intnetwork import to_document
from lifexport.errors import LifexportError, UnsupportedError
from lifexport.exploring.hybrid import Hybrid
from lifexport.export.onnx_file import check_onnx
from lifexport.files import canonical_json
from lifexport.finetuning import QAT

RECORD = ("v", "v_post", "spikes", "overflows")
FEW = ("every edge", "loop and output", "branch, late behind weights, and output", "output, longer than the run")
"""Those that the costly readers see in every run."""
EVERY = pytest.mark.parametrize("kind", KINDS)
SOME = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind in FEW else [pytest.mark.thorough]) for kind in KINDS]
)
FORMS = ("scan", "layerwise", "step")


def plain(network, codes):
    """Membranes, spikes and output by the page, in plain Python."""
    document = json.loads(canonical_json(to_document(network)))
    runs = [run(document, codes[:, sample].tolist()) for sample in range(codes.shape[1])]

    def stacked(name, what):
        return np.stack([np.array(rows[name][what]) for rows, _ in runs], axis=1)

    v, spikes = ({name: stacked(name, what) for name in network.populations} for what in ("v", "spikes"))
    return v, spikes, np.stack([np.array(output) for _, output in runs], axis=1)


def require_page(network, codes, trace):
    v, spikes, output = plain(network, codes)
    for name in network.populations:
        np.testing.assert_array_equal(trace.v[name], v[name])
        np.testing.assert_array_equal(trace.spikes[name], spikes[name])
    np.testing.assert_array_equal(trace.output, output)
    np.testing.assert_array_equal(trace.scores, output.sum(axis=0))


@EVERY
def test_the_reference_does_what_the_page_says(kind):
    network, codes = int_network(KINDS[kind])
    require_page(network, codes, lx.simulate(network, codes, record=RECORD, backend="reference"))


@SOME
@pytest.mark.parametrize("backend", ["reference", "fast", "event"])
def test_simulators_do_what_the_page_says(kind, backend):
    network, codes = int_network(KINDS[kind])
    trace = lx.simulate(network, codes, record=RECORD, backend=backend)
    require_page(network, codes, trace)
    assert all(0 < spikes.mean() < 1 for spikes in trace.spikes.values())
    state, parts = None, []
    for part in (codes[:1], codes[1:6], codes[6:]):
        parts.append(lx.simulate(network, part, backend=backend, state=state))
        state = parts[-1].final_state
    np.testing.assert_array_equal(np.concatenate([part.output for part in parts]), trace.output)
    reference = lx.simulate(network, codes, backend="reference").final_state.delayed
    assert state.delayed.keys() == reference.keys()
    for edge, queue in reference.items():
        np.testing.assert_array_equal(state.delayed[edge], queue, err_msg=str(edge))


@SOME
def test_many_chunks_of_the_fast_simulator(kind, monkeypatch):
    from lifexport.simulation import fast

    monkeypatch.setattr(fast, "ROWS", 8)  # four steps of two samples, and two that are left
    network, codes = int_network(KINDS[kind])
    require_page(network, codes, lx.simulate(network, codes, record=RECORD, backend="fast"))


@SOME
@pytest.mark.parametrize("form", FORMS)
def test_onnx(kind, form, tmp_path):
    network, codes = int_network(KINDS[kind])
    lif, opset = (("function", 21), ("inline", 17))[form == "layerwise"]
    result = lx.to_onnx(network, tmp_path / "m.onnx", form=form, lif=lif, opset=opset, inputs=codes)
    assert "0 differ" in result.proofs[1] and check_onnx(result.path) == ()
    assert lx.same(lx.from_onnx(result.path), network)
    trace = lx.simulate(network, codes, record=RECORD, backend="reference")
    if form != "step":
        return
    with lx.OnnxStream(result.path, batch=2) as stream:
        spikes = [stream.step(now).copy() for now in codes]
        assert stream.state["b.V"].tolist() == trace.v["b"][-1].tolist()
    np.testing.assert_array_equal(spikes, trace.output)


@SOME
def test_onnx_counts_and_qonnx(kind, tmp_path):
    network, codes = int_network(KINDS[kind])
    assert "0 differ" in lx.to_onnx(network, tmp_path / "c.onnx", outputs="counts", inputs=codes).proofs[1]
    result = lx.to_onnx(network, tmp_path / "q.onnx", dialect="qonnx", inputs=codes)
    assert "0 differ" in result.proofs[1] and lx.same(lx.from_onnx(result.path), network)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "output" in kind and "longer" not in kind])
@pytest.mark.parametrize("form", FORMS)
def test_trained_networks_in_onnx(kind, form, tmp_path):
    network, x = float_network(KINDS[kind])
    late = network.output_edge.delay
    trace = lx.simulate(network, x, record=("spikes",))
    np.testing.assert_array_equal(trace.output[late:], trace.spikes["b"][: STEPS - late])
    assert trace.output.any() and not trace.output[:late].any()
    result = lx.to_onnx(network, tmp_path / "m.onnx", form=form, inputs=x)
    assert lx.same(lx.from_onnx(result.path), network)
    lx.to_nir(network, tmp_path / "m.nir")
    assert lx.same(lx.from_nir(tmp_path / "m.nir"), network)


@SOME
def test_quantized_fine_tuned_and_compared(kind):
    """The chip's network is as late as the trained one; QAT runs it, and its gradients come from when spikes left."""
    f, x = float_network(KINDS[kind])
    choices = {"calibration": x, "weight_bits": 8, "state_bits": 16, "membrane_range": 16}
    if kind in ("neurons to neurons", "input to neurons"):
        with pytest.raises(LifexportError, match=r"LX203.*without weights"):
            lx.quantize(f, "fpga-q", **choices)
        return
    q = lx.quantize(f, "fpga-q", **choices)
    assert (q.latency, q.edges) == (f.lateness["out"], f.edges)
    trace = lx.simulate(q, x, record=RECORD, backend="reference")
    tuned = QAT(f, "fpga-q", **choices)
    out = tuned.apply(tuned.latent.value, jnp.asarray(tuned.encode(x), jnp.int32))
    np.testing.assert_array_equal(np.asarray(out.spikes), trace.output)
    for name, v in trace.v.items():
        np.testing.assert_array_equal(np.asarray(out.ints.v[name]), v)
    report = lx.compare(f, q, x)
    assert report.predictions.total == 2
    exact, mixed = lx.simulate(f, x, record=("spikes",)), Hybrid(f, q, [])
    np.testing.assert_array_equal(mixed.run(x)["b"], exact.spikes["b"])
    np.testing.assert_array_equal(mixed.prediction().labels, exact.prediction.labels)
    assert lx.certify(q).populations.keys() == q.populations.keys()


@pytest.mark.parametrize("readout", ["membrane_last", "membrane_max"])
@pytest.mark.parametrize("make", [int_network, float_network])
def test_membranes_are_not_read_behind_a_late_edge(make, readout):
    """An edge carries spikes; no reader has to make up a membrane that was never there."""
    network, _ = make(KINDS["output"])
    with pytest.raises(UnsupportedError, match=rf"LX113.*b.readout.*{readout}"):
        dataclasses.replace(network, readout=readout)
    prompt, x = make(KINDS["input"])
    trace = lx.simulate(dataclasses.replace(prompt, readout=readout), x, record=("v",))
    np.testing.assert_array_equal(trace.output_v, trace.v["b"])


def test_gradients_come_from_when_spikes_left():
    """The gradient of a late output is that of the prompt one, earlier by the delay; what never left gives none."""
    (prompt, x), (late, _) = float_network(KINDS["no edge late"]), float_network({"b out": 3})
    late = dataclasses.replace(prompt, edges=late.edges)
    weight = np.random.default_rng(0).normal(size=(STEPS, 2, 3)).astype(np.float32)
    earlier = np.concatenate([weight[3:], np.zeros_like(weight[:3])])
    found = []
    for network, what in ((prompt, earlier), (late, weight)):
        q = QAT(network, "fpga-q", calibration=x, weight_bits=8, state_bits=16)
        codes = jnp.asarray(q.encode(x), jnp.int32)
        found.append(
            jax.grad(lambda p, q=q, codes=codes, what=what: (q.apply(p, codes).spikes * what).sum())(q.latent.value)
        )
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        assert np.asarray(a).any()
        np.testing.assert_array_equal(a, b)


def test_a_chip_without_delays_refuses_a_late_output():
    f, x = float_network(KINDS["output"])
    f = dataclasses.replace(
        f, nodes={n: dataclasses.replace(v, reset="value") if n in "ab" else v for n, v in f.nodes.items()}
    )
    with pytest.raises(UnsupportedError, match=r"LX203.*b -> out.*1 steps later"):
        lx.quantize(f, "loihi1-nengo", calibration=x)
