from __future__ import annotations

import builtins
import hashlib
import io
import sys
from functools import partial
from types import SimpleNamespace

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lifexport.errors import DivergenceError, LifexportError, LifexportWarning, MissingDependencyError
from lifexport.train import LIF, BatchNorm, Dropout, Linear, Sequential, encoders, evaluate, fit, losses
from lifexport.train.states import lasting, plain, values_of
from lifexport.train.surrogate import Arctan

pytestmark = pytest.mark.sampled

STEPS, FEATURES = 8, 6


def data(n: int = 48, seed: int = 0):
    """Three classes, each with two of six features lit, and noise."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, n)
    x = random.random((n, FEATURES)).astype(np.float32) * 0.3
    for k in (0, 1):
        x[np.arange(n), 2 * y + k] += 0.7
    return x, y


X, Y = data()
SHOW = partial(encoders.constant_current, steps=STEPS)
TIMED = np.broadcast_to(X, (STEPS, *X.shape))


def network(seed: int = 0, *more, hidden: int = 12):
    brainstate.random.seed(seed)
    neuron = {"tau": 5.0 * u.ms, "spk_fun": Arctan(2.0)}
    return Sequential(
        Linear(FEATURES, hidden, name="dense1"), *more, LIF(hidden, name="hidden", **neuron),
        Linear(hidden, 3, name="dense2"), LIF(3, name="output", **neuron),
    )  # fmt: skip


def train(net, x=X, y=Y, **options):
    given = {"dt": 1 * u.ms, "epochs": 2, "batch_size": 16, "encoder": SHOW, "optimizer": optax.adam(3e-2)}
    return fit(net, x, y, **{**given, **options})


def numbers(net) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in plain(values_of(lasting(net))).items()}


def digest(net) -> str:
    return hashlib.sha256(b"".join(value.tobytes() for value in numbers(net).values())).hexdigest()


def assert_equal(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True)


def test_it_learns():
    net = network()
    before = evaluate(net, X, Y, dt=1 * u.ms, encoder=SHOW)
    history = train(net, epochs=25, validation=data(seed=1))
    assert history.best.validation.accuracy > 0.9 > before.accuracy
    assert [epoch.number for epoch in history.epochs] == list(range(1, 26))
    assert history.epochs[-1].loss < 0.5 * history.epochs[0].loss
    for epoch in history.epochs:
        assert set(epoch.rates) == {"hidden", "output"} and all(0 < rate < 1 for rate in epoch.rates.values())
    # No state is left over from jit.
    assert np.asarray(u.get_mantissa(net.layers[1].V.value)).shape == (12,)


def test_it_is_the_loop_one_would_write():
    """Against plain JAX: same order of samples, same optimizer, parameters within float32's rounding."""
    ours, theirs = network(), network()
    history = train(ours, epochs=3, batch_size=20)
    weights = theirs.states(brainstate.ParamState)
    optimizer = optax.adam(3e-2)

    def loss(x, y):
        brainstate.nn.init_all_states(theirs, batch_size=x.shape[1])
        counts = brainstate.transform.for_loop(theirs, x).sum(axis=0)
        return optax.softmax_cross_entropy_with_integer_labels(0.5 * counts, y).mean()

    slope = brainstate.transform.jit(brainstate.transform.grad(loss, weights, return_value=True))
    memory = optimizer.init(values_of(weights))
    order = np.random.default_rng(0)
    with jax.numpy_dtype_promotion("standard"), brainstate.environ.context(dt=1 * u.ms):
        for epoch in range(3):
            seen = []
            for batch in order.permutation(len(X))[:40].reshape(2, 20):
                slopes, value = slope(TIMED[:, batch], Y[batch])
                change, memory = optimizer.update(slopes, memory, values_of(weights))
                for path, state in weights.items():
                    state.value = optax.apply_updates(state.value, change[path])
                seen.append(value)
            np.testing.assert_allclose(history.epochs[epoch].loss, np.mean(seen), rtol=1e-5)
    for name, value in numbers(ours).items():
        np.testing.assert_allclose(value, numbers(theirs)[name], rtol=2e-4, atol=2e-4)


def test_time_first_and_encoded_give_the_same_bytes():
    encoded, timed = network(), network()
    assert train(encoded) == train(timed, x=TIMED, encoder=None)
    assert digest(encoded) == digest(timed)


def test_integers_are_trained_on_as_numbers():
    floats, ints = network(), network()
    spikes = (TIMED > 0.5).astype(np.uint8)
    assert train(ints, x=spikes, encoder=None) == train(floats, x=spikes.astype(np.float32), encoder=None)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    nets = [network() for _ in range(3)]
    for net, seed in zip(nets, (5, 5, 6), strict=True):
        brainstate.random.seed(None)  # what others draw does not matter
        train(net, seed=seed)
    assert digest(nets[0]) == digest(nets[1]) != digest(nets[2])


def test_the_global_random_state_is_left_alone():
    net = network()
    brainstate.random.seed(3)
    first = brainstate.random.rand(3)
    brainstate.random.seed(3)
    train(net)
    np.testing.assert_array_equal(brainstate.random.rand(3), first)


def test_an_encoder_with_a_seed_gets_a_new_one_for_every_batch():
    seeds = []

    def encode(x, seed):
        jax.debug.callback(lambda s: seeds.append(int(s)), seed)
        return encoders.bernoulli_rate(x, STEPS, seed=seed)

    train(network(), x=np.clip(X, 0, 1), encoder=encode, epochs=2, validation=(np.clip(X, 0, 1), Y))
    drawn = [s for s in seeds if s > 2]
    assert len(set(drawn)) == len(drawn) == 6  # three batches in each epoch
    assert sorted(s for s in seeds if s <= 2) == [0, 0, 1, 1, 2, 2]  # every validation sees the same


def test_the_best_parameters_come_back():
    net, seen = network(), []

    def on_epoch(epoch):
        seen.append((epoch.validation.accuracy, -epoch.validation.loss, digest(net)))

    # Wrong labels for validation: learning makes it worse.
    judges = X[:20], (Y[:20] + 1) % 3
    history = train(net, epochs=6, optimizer=optax.adam(0.3), validation=judges, on_epoch=on_epoch)
    best = max(range(6), key=lambda i: (seen[i][:2], -i))
    assert history.best == history.epochs[best]
    assert digest(net) == seen[best][2]
    assert len({d for *_, d in seen}) == 6 and best != 5
    judged = evaluate(net, *judges, dt=1 * u.ms, encoder=SHOW)
    assert judged.accuracy == history.best.validation.accuracy


def test_without_validation_the_last_parameters_stay():
    net, seen = network(), []
    history = train(net, epochs=3, on_epoch=lambda epoch: seen.append(digest(net)))
    assert history.best is history.epochs[-1] and digest(net) == seen[-1]


def test_on_epoch_may_end_it():
    history = train(network(), epochs=9, on_epoch=lambda epoch: epoch.number == 2)
    assert len(history.epochs) == 2


@pytest.mark.parametrize("batch_size", [1, 7, 48, 1000])
def test_any_batch_size(batch_size):
    net = network()
    x, y = X[:10], Y[:10]
    assert np.isfinite(train(net, x, y, epochs=1, batch_size=batch_size).best.loss)
    judged = [evaluate(net, x, y, dt=1 * u.ms, encoder=SHOW, batch_size=size) for size in (batch_size, 10)]
    assert judged[0].accuracy == judged[1].accuracy
    np.testing.assert_allclose(judged[0].loss, judged[1].loss, rtol=1e-5)


def test_dropout_works_and_statistics_are_learned_and_restored():
    net = network(0, BatchNorm(12), Dropout(0.5))
    before = numbers(net)
    history = train(net, epochs=4, validation=(X, Y))
    after = numbers(net)
    assert not np.array_equal(before["layers.1.running_mean"], after["layers.1.running_mean"])
    # Evaluation changes nothing, and gives what validation gave of the best parameters.
    assert evaluate(net, X, Y, dt=1 * u.ms, encoder=SHOW, batch_size=16) == history.best.validation
    assert_equal(numbers(net), after)


def test_a_loss_of_ones_own_and_membranes():
    class Membrane(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = brainstate.ParamState(jnp.zeros((FEATURES, 3), jnp.float32))

        def run(self, x):
            return jnp.cumsum(x @ self.w.value, axis=0) * u.mV

    def square(outputs, labels):
        return ((losses.scores(outputs, "membrane_last") - jax.nn.one_hot(labels, 3)) ** 2).mean()

    for loss in ("membrane_last", "membrane_max", losses.CrossEntropy("membrane_last", 2.0), square):
        history = train(Membrane(), epochs=20, loss=loss)
        assert history.best.accuracy > 0.9 and history.best.rates == {}


def test_parameters_with_units_are_trained():
    brainstate.random.seed(0)
    w = brainstate.nn.init.KaimingNormal(scale=500.0, unit=u.mA)
    net = Sequential(brainstate.nn.Linear(FEATURES, 3, w_init=w, b_init=None), LIF(3, spk_fun=Arctan(2.0)))
    history = train(net, epochs=20, optimizer=optax.adam(0.3))
    assert history.best.accuracy > 0.9
    assert u.get_unit(net.layers[0].weight.value["weight"]) == u.mA


# What goes wrong before anything is computed.
NAN = np.where(np.arange(X.size).reshape(X.shape) == 20, np.nan, X).astype(np.float32)
BAD = [
    ({"y": np.where(np.arange(48) == 7, 3, Y)}, r"LX120.*y\[7\]: label 3 \(1 of 48\); fix: .* classes 0\.\.2"),
    ({"y": np.where(np.arange(48) == 7, -1, Y)}, r"LX120.*y\[7\]: label -1"),
    ({"y": Y.astype(float)}, r"LX120.*y: float64 of shape \(48,\); fix: give whole numbers"),
    ({"y": np.eye(3, dtype=int)[Y]}, r"LX120.*y: int64 of shape \(48, 3\)"),
    ({"y": Y.astype(bool)}, r"LX120.*y: bool"),
    ({"y": Y[:-1]}, r"LX102.*x: shape \(48, 6\) with 47 labels; fix: give x as \(samples, \.\.\.\)"),
    ({"encoder": None}, r"LX102.*x: shape \(48, 6\) with 48 labels; fix: give x as \(time, samples"),
    ({"x": X[:0], "y": Y[:0]}, r"LX102.*x: shape \(0, 6\)"),
    ({"x": NAN}, r"LX120.*x\[3, 2\]: nan \(1 of 288\)"),
    ({"x": X * u.mA}, r"LX109.*x: unit mA"),
    ({"x": X.astype(complex)}, r"LX120.*x: type complex128"),
    ({"encoder": partial(encoders.latency, steps=4), "x": 2 * X}, r"LX120.*x\[\d+, \d\]: .* from 0 to 1"),
    ({"encoder": partial(encoders.bernoulli_rate, steps=4), "x": -X}, r"LX120.*x\[0, 0\]: -"),
    ({"encoder": 5}, r"LX006.*encoder: 5"),
    ({"validation": (X, Y + 1)}, r"LX120.*validation\.y\[\d+\]: label 3"),
    ({"validation": (X, Y[1:])}, r"LX102.*validation\.x: shape \(48, 6\) with 47 labels"),
    ({"validation": X}, r"LX006.*validation: ndarray"),
    ({"epochs": 0}, r"LX006.*epochs: 0"),
    ({"epochs": 2.5}, r"LX006.*epochs: 2\.5"),
    ({"batch_size": 0}, r"LX006.*batch_size: 0"),
    ({"seed": -1}, r"LX006.*seed: -1"),
    ({"loss": "counts"}, r"LX106.*readout 'counts'; fix: did you mean 'count'"),
    ({"loss": 3}, r"LX006.*loss: 3"),
    ({"optimizer": 0.1}, r"LX006.*optimizer: 0\.1; fix: give an optax optimizer"),
    ({"on_epoch": 1}, r"LX006.*on_epoch: 1"),
    ({"x": X[:, :5]}, r"LX102.*layers\[0\]|LX102.*dense1"),
    ({"dt": None}, r"LX103.*dt"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), BAD)
def test_what_cannot_be_trained_on_is_refused_first(given, message):
    net = network()
    before = numbers(net)
    with pytest.raises(LifexportError, match=message):
        train(net, **given)
    assert_equal(numbers(net), before)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (brainstate.nn.Linear(FEATURES, 3), r"LX006.*model: Linear without run"),
        (SimpleNamespace(run=lambda x: x, states=lambda kind: {}), r"LX006.*model: no parameters"),
    ],
)
def test_what_is_no_model_is_refused(model, message):
    with pytest.raises(LifexportError, match=message):
        train(model)


def test_a_start_from_nan_is_refused():
    net = network()
    net.layers[2].weight.value = {"weight": jnp.full((12, 3), jnp.nan)}
    with pytest.raises(LifexportError, match=r"LX101.*layers\.2\.weight\.weight"):
        train(net)


def poison(at: int, where: str):
    """Optimizer whose change of one parameter is NaN in one step."""

    def update(slopes, count, values):
        bad = {name: jnp.where((count == at) & (name == where), jnp.nan, -0.01 * g) for name, g in slopes.items()}
        return bad, count + 1

    return SimpleNamespace(init=lambda values: jnp.zeros((), jnp.int32), update=update)


@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("where", ["layers.0.weight.weight", "layers.2.weight.weight"])
def test_nan_stops_at_the_last_good_parameters(at, where):
    net, other = network(), network()
    with pytest.raises(
        DivergenceError, match=rf"LX121.*{where}\.gradient: NaN or infinity in epoch {1 + at // 3}"
    ) as it:
        train(net, optimizer=poison(at, where))
    assert isinstance(it.value, FloatingPointError)
    after = numbers(net)
    if at == 0:
        assert_equal(after, numbers(other))
    elif at == 3:
        train(other, optimizer=poison(-1, where), epochs=1)
        assert_equal(after, numbers(other))
    assert all(np.isfinite(value).all() for value in after.values())
    assert not isinstance(net.layers[1].V.value.mantissa, jax.core.Tracer)


def test_the_parameter_nearest_to_the_output_is_named():
    class Sick(Linear):
        def update(self, x):
            return super().update(x) + jnp.sqrt(0 * self.weight.value["weight"].sum() * x.sum()) * u.mA

    net = network()
    net.layers[2] = Sick(12, 3)
    with pytest.raises(DivergenceError, match=r"layers\.2\.weight\.weight\.gradient: .*and 1 parameters before it"):
        train(net)


def test_a_loss_that_is_not_finite_is_named():
    with pytest.raises(DivergenceError, match=r"LX121 .*: loss: NaN or infinity in epoch 1, loss inf"):
        train(network(), loss=lambda outputs, labels: jnp.float32(jnp.inf) + 0 * outputs.sum())


@pytest.mark.parametrize(("scale", "code"), [(1e-3, "LX501"), (1e4, "LX502")])
def test_layers_that_say_nothing_are_reported_once(scale, code):
    net = network()
    net.layers[0].weight.value = {"weight": jnp.full((FEATURES, 12), scale, jnp.float32)}
    with pytest.warns(LifexportWarning) as caught:
        train(net, epochs=3, optimizer=optax.sgd(0.0))
    texts = [str(warning.message) for warning in caught]
    assert sum(text.startswith(code) and "hidden" in text for text in texts) == 1
    assert all(warning.filename == __file__ for warning in caught)


def test_the_default_optimizer_needs_optax(monkeypatch):
    assert np.isfinite(train(network(), optimizer=None, epochs=1).best.loss)
    real = builtins.__import__

    def without(name, *rest):
        if name == "optax":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"LX005.*optax not installed; fix: .*lifexport\[train\]"):
        train(network(), optimizer=None)


def test_progress_is_shown_on_terminals_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    shown = []
    for stream, progress in ((Terminal(), True), (Terminal(), False), (io.StringIO(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        train(network(), progress=progress, validation=(X, Y))
        shown.append(stream.getvalue())
    assert "epoch 2, loss" in shown[0] and "validation" in shown[0]
    assert shown[1:] == ["", ""]


def test_an_interruption_leaves_a_network_that_works():
    net = network()

    def interrupt(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(net, on_epoch=interrupt)
    assert np.isfinite(evaluate(net, X, Y, dt=1 * u.ms, encoder=SHOW).loss)
