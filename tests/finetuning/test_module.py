"""What QAT refuses, which kernels it takes and why, and how it is trained, saved and loaded."""

from __future__ import annotations

import contextlib
import dataclasses
from fractions import Fraction

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from exact_nets import exact_network, tau
from nets import int_lif, with_fields

import lifexport as lx
from lifexport.errors import LifexportError, LifexportWarning, ParameterError, RangeError, ShapeError, UnsupportedError
from lifexport.finetuning import QAT
from lifexport.finetuning.exactness import kernels, require_exact
from lifexport.finetuning.tuning import tune
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, IntDense, IntInput, Output
from lifexport.quantspec import QuantSpec

pytestmark = pytest.mark.sampled

WIDTHS = {"weight_bits": 4, "state_bits": 12}
BYTES = InputCode(kind="counts", bits=8)


def qat_of(**choices) -> tuple[QAT, np.ndarray]:
    f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
    return QAT(f, "fpga-q", calibration=x, **WIDTHS, **choices), x


def one_layer(weight: np.ndarray, threshold: float, decay: float = 0.75) -> lx.FloatNetwork:
    """Neurons that see ``weight`` times the input: the gain of the leak is undone."""
    outputs, inputs = weight.shape
    lif = FloatLIF(shape=(outputs,), dt=1e-3, r=1.0, tau=tau(decay), v_threshold=threshold, v_reset=0.0)
    nodes = {
        "in": Input(shape=(inputs,)),
        "fc": FloatDense(weight=weight / lif.gain[:, None]),
        "lif": lif,
        "out": Output(shape=(outputs,)),
    }
    return lx.FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


def sums(inputs: int, input_code: InputCode = BYTES, **choices) -> QAT:
    """Neurons whose membrane is counted in the very codes that arrive, without a shift."""
    weight = np.full((2, inputs), 127.0)
    weight[:, inputs // 2 :] = -126.0
    return QAT(one_layer(weight, 2e6), "fpga-q", input=input_code, weight_bits=8, state_bits=24, **choices)


def differing(q: QAT, codes: np.ndarray) -> int:
    """Membranes that are not those of the int64 reference."""
    v = lx.simulate(q.to_int(), codes, record=("v",), backend="reference").v
    ints = q.apply(q.latent.value, jnp.asarray(codes, jnp.int32)).ints
    return sum(int((np.asarray(ints.v[name]) != v[name]).sum()) for name in v)


class TestBadInput:
    def test_dt_beside_a_network_that_has_one(self):
        f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
        with pytest.raises(ParameterError, match=r"LX006.*dt.*leave it out: the network has dt = 0\.001 s"):
            QAT(f, "fpga-q", dt=1 * u.ms, calibration=x)

    def test_a_spec_beside_choices(self):
        f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
        with pytest.raises(ParameterError, match=r"LX006.*both spec= and weight_bits"):
            QAT(f, "fpga-q", calibration=x, spec=QuantSpec(), weight_bits=4)

    def test_a_spec_says_what_choices_say(self):
        f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
        a, b = (QAT(f, "fpga-q", calibration=x, **given) for given in ({"spec": QuantSpec(**WIDTHS)}, WIDTHS))
        assert lx.same(a.to_int(), b.to_int())

    def test_a_target_that_quantize_has_no_map_onto(self):
        f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
        with pytest.raises(UnsupportedError, match=r"LX203"):
            QAT(f, "tinyodin", calibration=x)

    @pytest.mark.parametrize(
        ("codes", "found"),
        [
            (np.full((5, 2, 12), 2), r"2\.\.2.*0\.\.1"),
            (np.full((5, 2, 12), -1), r"-1\.\.-1"),
            (np.zeros((5, 2, 11), int), r"shape \(5, 2, 11\).*\(time, batch, 12\)"),
            (np.zeros((5, 12), int), r"shape \(5, 12\)"),
            (np.zeros((0, 2, 12), int), r"at least one step"),
            (np.zeros((5, 2, 11)), r"shape \(5, 2, 11\)"),
        ],
    )
    def test_codes_outside_of_jit(self, codes, found):
        with pytest.raises(ParameterError, match=rf"LX301.*in.*{found}"):
            qat_of()[0].run(codes)

    def test_shapes_and_types_that_jit_knows(self):
        q, x = qat_of()
        with pytest.raises(ParameterError, match=r"LX301.*shape \(5, 2, 11\)"):
            jax.jit(q.run)(jnp.zeros((5, 2, 11), jnp.int32))
        with pytest.raises(ParameterError, match=r"LX301.*dtype float32.*encode"):
            jax.jit(q.apply)(q.latent.value, jnp.asarray(x, jnp.float32))

    def test_codes_inside_jit_are_clipped(self):
        q, x = qat_of()
        wild = jnp.asarray(np.where(x > 0, 300, -7), jnp.int32)
        np.testing.assert_array_equal(jax.jit(q.run)(wild), q.run(x))

    def test_real_inputs_inside_jit_in_a_unit_that_float32_cannot_divide_by(self):
        f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
        third = QAT(f, "fpga-q", input=InputCode(kind="graded", bits=4, signed=False, unit=Fraction(1, 3)), **WIDTHS)
        with pytest.raises(ParameterError, match=r"LX205.*in.*units of 1/3.*q\.encode\(x\)"):
            jax.jit(third.run)(jnp.asarray(x, jnp.float32))
        eighth = QAT(f, "fpga-q", input=InputCode(kind="graded", bits=4, signed=False, unit=Fraction(1, 8)), **WIDTHS)
        x = np.random.default_rng(0).random(x.shape).astype(np.float32)
        np.testing.assert_array_equal(jax.jit(eighth.run)(jnp.asarray(x)), eighth.run(x))

    def test_labels_that_are_no_classes(self):
        f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
        given = {"epochs": 1, "progress": False, **WIDTHS}
        with pytest.raises(LifexportError, match=r"LX(102|120).*6"):
            lx.qat(f, "fpga-q", x, np.array([0, 1, 2, 3, 4, 6]), **given)
        with pytest.raises(ShapeError, match="LX102"):
            lx.qat(f, "fpga-q", x, np.zeros(5, int), **given)


class TestInt32:
    def test_products_that_it_cannot_hold_are_refused_when_built(self):
        f = one_layer(np.full((2, 40), 1.0), 1.0)
        with pytest.raises(RangeError, match=r"LX302.*fc.*sums of up to \d{10,}.*fewer weight_bits or state_bits"):
            QAT(f, "fpga-q", input=BYTES, weight_bits=8, state_bits=24)
        QAT(f, "fpga-q", input=BYTES, weight_bits=8, state_bits=16)  # the fix
        assert lx.simulate(
            lx.quantize(f, "fpga-q", input=BYTES, weight_bits=8, state_bits=24), np.zeros((2, 1, 40), int)
        )

    def test_the_last_sum_that_it_holds(self):
        assert kernels(sums(66311).numbers.envelope()) == {"fc": np.int32}  # 127 * 255 * 66311 = 2**31 - 1913
        with pytest.raises(RangeError, match=r"LX302.*fc: sums of up to 2147514120"):
            sums(66312)

    def test_membranes_that_it_cannot_hold_are_refused_when_run(self):
        q, _ = qat_of()
        nodes = dict(q.to_int().nodes)
        nodes["b"] = with_fields(nodes["b"], bias=np.full(6, 2**31 - 1))
        with pytest.raises(RangeError, match=r"LX302.*b.*membranes and currents of up to \d{10}"):
            require_exact(dataclasses.replace(q.to_int(), nodes=nodes), 10)

    @pytest.mark.parametrize(
        ("inputs", "code", "kernel"),
        [
            (519, InputCode(kind="counts", bits=7), np.int8),  # 127: both factors fit
            (519, InputCode(kind="spikes"), np.int8),
            (518, BYTES, np.float32),  # 127 * 255 * 518 = 2**24 - 1786
            (519, BYTES, np.int32),  # 2**24 + 30599
        ],
    )
    def test_kernel_by_bound(self, inputs, code, kernel):
        assert kernels(sums(inputs, code).numbers.envelope()) == {"fc": kernel}

    def test_kernel_by_what_weights_may_become_not_by_what_they_are(self):
        q = QAT(one_layer(np.eye(2, 600), 2e6 / 127), "fpga-q", input=BYTES, weight_bits=8, state_bits=24)
        assert q.to_int().nodes["fc"].row_bound * 255 < 1 << 24
        assert kernels(q.numbers.envelope()) == {"fc": np.int32}

    def test_float32_would_be_wrong_beyond_its_bound(self, monkeypatch):
        inputs = 1 << 15
        codes = np.random.default_rng(0).integers(0, 256, (6, 2, inputs))
        codes[..., inputs // 2 :] |= 1
        assert differing(sums(inputs), codes) == 0
        monkeypatch.setattr(
            "lifexport.finetuning.module.kernels", lambda network: dict.fromkeys(kernels(network), np.float32)
        )
        assert differing(sums(inputs), codes) > 6

    def test_float32_leaks_would_be_wrong(self):
        rng = np.random.default_rng(0)
        f = one_layer(rng.normal(0.1, 0.5, (60, 20)), 1.0, decay=0.77)
        q = QAT(f, "fpga-q", input=InputCode(kind="spikes"), weight_bits=8, state_bits=20, decay_bits=12)
        codes = rng.integers(0, 2, (100, 8, 20))
        assert differing(q, codes) == 0
        network = q.to_int()
        node, fc = network.nodes["lif"], network.nodes["fc"]
        t = lx.simulate(network, codes, record=("v", "spikes"), backend="reference")
        kept = (t.v["lif"] - t.spikes["lif"] * node.reset_code)[:-1]

        def stepped(kind):
            """Membranes one step after those of the reference, the leak in floating point."""
            leaked = np.floor(kept.astype(kind) * node.decay.astype(kind) / kind(1 << 12)).astype(np.int64)
            return np.clip(leaked + (codes[1:] @ fc.weight.T << fc.shift), *node.membrane_range())

        np.testing.assert_array_equal(stepped(np.float64), t.v["lif"][1:])
        assert (stepped(np.float32) != t.v["lif"][1:]).sum() > 10


class TestTraining:
    def data(self):
        rng = np.random.default_rng(1)
        y = rng.integers(0, 6, 60)
        x = (rng.random((30, 60, 12)) < 0.1 + 0.5 * (np.arange(12) // 2 == y[:, None])).astype(np.float32)
        return x, y

    def test_loss_falls_and_the_integers_are_what_was_trained(self):
        q, _ = qat_of()
        x, y = self.data()
        losses = []
        given = {"epochs": 8, "batch_size": 20, "optimizer": optax.adam(2e-2), "progress": False}
        lx.fit(q, x, y, **given, on_epoch=lambda epoch: losses.append(epoch.loss))
        assert len(losses) == 8 and losses[-1] < 0.8 * losses[0]
        assert differing(q, q.encode(x)) == 0
        counts = np.asarray(q.run(x)).sum(0)
        np.testing.assert_array_equal(lx.simulate(q.to_int(), x).scores, counts)

    def test_qat_gives_what_fit_trains_and_leaves_the_network_alone(self):
        f, x = exact_network(FloatLIF, r=1.0, tau=tau(0.8))
        digest = f.digest()
        y = np.arange(6)
        given = {"epochs": 3, "batch_size": 3, "progress": False, **WIDTHS}
        q = QAT(f, "fpga-q", calibration=x, **WIDTHS)
        tune(q, x, y, epochs=3, batch_size=3, progress=False, seed=0)
        trained = lx.qat(f, "fpga-q", x, y, **given)
        assert lx.same(trained, q.to_int()) and f.digest() == digest
        assert not lx.same(trained, lx.quantize(f, "fpga-q", calibration=x, **WIDTHS))

    def test_saved_and_loaded(self, tmp_path):
        q, x = qat_of(thresholds=True)
        q.latent.value = jax.tree.map(lambda a: a * jnp.float32(1.21), q.latent.value)
        file = lx.save_parameters(q, tmp_path / "qat.npz")
        again, _ = qat_of(thresholds=True)
        assert not lx.same(again.to_int(), q.to_int())
        lx.load_parameters(again, file)
        assert lx.same(again.to_int(), q.to_int())
        np.testing.assert_array_equal(again.run(x), q.run(x))

    def test_parameters_of_another_module_are_refused(self, tmp_path):
        file = lx.save_parameters(qat_of(thresholds=True)[0], tmp_path / "qat.npz")
        q, _ = qat_of()
        before = q.to_int()
        with pytest.raises(LifexportError, match="threshold"):
            lx.load_parameters(q, file)
        assert lx.same(q.to_int(), before)

    def test_a_network_that_too_few_bits_kill_is_told_of(self):
        weight = np.full((4, 8), 3.0)
        weight[3] = 30.0  # sets the scale of all; nothing arrives there
        net = lx.Sequential(
            lx.Linear(4, 8, w_init=weight), lx.LIF(8), lx.Linear(8, 2, w_init=np.full((8, 2), 3.0)), lx.LIF(2)
        )
        x = np.ones((20, 8, 4), np.float32)
        x[..., 3] = 0
        given = {"dt": 1 * u.ms, "weight_bits": 2, "state_bits": 12, "epochs": 1, "progress": False}
        assert lx.simulate(lx.capture(net, dt=1 * u.ms), x, record=("spikes",)).spikes["lif0"].any()
        with pytest.warns(LifexportWarning) as told:
            lx.qat(net, "fpga-q", x, np.tile([0, 1], 4), **given)
        assert [str(warning.message).partition(": no spike")[0] for warning in told] == [
            "LX501 silent layer: lif0",
            "LX501 silent layer: lif1",
        ]


@pytest.mark.parametrize(("shift", "good"), [(16, True), (18, False)])
def test_sums_that_tell_whether_order_matters_fit_too(shift, good):
    """Below 2**31 they are summed in int32, but not those of twice the magnitude beside them."""
    code = InputCode(kind="spikes")
    fc = IntDense(weight=np.full((2, 40), 127), weight_bits=8, shift=shift, unit=Fraction(2) ** shift)
    lif = int_lif(
        shape=(2,), accumulate="per_event", state_bits=24, decay=1, threshold=9, reset_code=9, unit=Fraction(1)
    )
    nodes = {"in": IntInput(shape=(40,), code=code), "fc": fc, "lif": lif, "out": Output(shape=(2,))}
    pairs = ["in fc", "fc lif", "lif out"]
    network = IntNetwork(nodes=nodes, edges=[Edge(*pair.split()) for pair in pairs], dt=1e-3)
    assert kernels(network)["fc"] is np.int8
    with contextlib.nullcontext() if good else pytest.raises(RangeError, match=r"LX302.*lif: membranes and currents"):
        require_exact(network, 10)
