"""Who is speaking? A recurrent network on a real time series, trained by fit and by a loop of one's own.

Run me: LIFEXPORT_DATA=folder python examples/03_japanese_vowels.py [folder] [epochs].
"""

import sys
from pathlib import Path

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import optax

import lifexport as lx
from lifexport.demo.datasets import load_japanese_vowels

DT = 1 * u.ms


def network(hidden: int = 64) -> lx.Sequential:
    """12 coefficients into neurons that hear each other, and one neuron for each of nine speakers."""
    neuron = {"tau": 10 * u.ms, "spk_fun": lx.surrogate.Arctan(2.0)}
    quiet = brainstate.nn.init.KaimingNormal(scale=2.0)
    return lx.Sequential(
        lx.Linear(12, hidden, name="input"),
        lx.Recurrent(lx.LIF(hidden, name="hidden", **neuron), lx.Linear(hidden, hidden, w_init=quiet, name="feedback")),
        lx.Linear(hidden, 9, name="output"),
        lx.LIF(9, name="speaker", **neuron),
    )


def train_in_a_loop(net, x, y, epochs: int) -> None:
    """What fit does, in plain brainstate and optax: for everything that fit does not do."""
    weights = net.states(brainstate.ParamState)
    optimizer = optax.adam(2e-3)
    loss = lx.losses.CrossEntropy("count")

    def objective(x, y):
        brainstate.nn.init_all_states(net, batch_size=x.shape[1])
        return loss(net.run(x), y)

    @brainstate.transform.jit
    def step(x, y, memory):
        slopes = brainstate.transform.grad(objective, weights)(x, y)
        change, memory = optimizer.update(slopes, memory, {path: state.value for path, state in weights.items()})
        for path, state in weights.items():
            state.value = optax.apply_updates(state.value, change[path])
        return memory

    memory = optimizer.init({path: state.value for path, state in weights.items()})
    order = np.random.default_rng(1)
    with brainstate.environ.context(dt=DT):
        for _ in range(epochs):
            for batch in order.permutation(len(y))[: len(y) // 32 * 32].reshape(-1, 32):
                memory = step(jnp.asarray(x[:, batch]), jnp.asarray(y[batch]), memory)
    brainstate.nn.init_all_states(net)


def main(folder: Path, epochs: int = 60) -> None:
    data = load_japanese_vowels()
    brainstate.random.seed(0)
    net = network()
    test = {"x": data.x_test, "y": data.y_test, "dt": DT}

    history = lx.fit(net, data.x_train, data.y_train, dt=DT, epochs=epochs, batch_size=32)
    print(f"fit: {lx.evaluate(net, **test).accuracy:.1%} of the test recordings")
    print("hidden neurons fire at", f"{history.best.rates['hidden']:.1%} of their steps")
    train_in_a_loop(net, data.x_train, data.y_train, epochs=max(1, epochs // 10))
    print(f"a loop after it: {lx.evaluate(net, **test).accuracy:.1%}")

    file = lx.save_parameters(net, folder / "vowels.npz")
    again = network()
    lx.load_parameters(again, file)
    assert lx.evaluate(again, **test) == lx.evaluate(net, **test)

    f = lx.capture(net, dt=DT)
    q = lx.quantize(f, "fpga-q", calibration=data.x_train, weight_bits=8, state_bits=16)
    print(lx.compare(f, q, data.x_test, labels=data.y_test).card())


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out_03_japanese_vowels")
    folder.mkdir(parents=True, exist_ok=True)
    main(folder, *map(int, sys.argv[2:]))
