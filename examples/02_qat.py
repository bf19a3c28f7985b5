"""Three-bit weights: training in a chip's own integers, in one call and in a plain JAX loop.

Run me: python examples/02_qat.py [folder] [epochs].
"""

import sys
from pathlib import Path

import brainunit as u
import jax
import numpy as np
import optax

import lifexport as lx
from lifexport.demo.training import constant_current, load_digits, train_digits

WIDTHS = lx.QuantSpec(weight_bits=3, state_bits=12)


def in_a_loop(q: lx.QAT, codes: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """What fit does, without it: parameters are a dictionary of arrays, ``apply`` a function of them."""
    loss, optimizer = lx.losses.CrossEntropy("count"), optax.adam(5e-3)

    @jax.jit
    def step(parameters, memory, codes, y):
        value, slopes = jax.value_and_grad(lambda p: loss(q.apply(p, codes).spikes, y))(parameters)
        change, memory = optimizer.update(slopes, memory)
        return optax.apply_updates(parameters, change), memory, value

    parameters = q.latent.value
    memory, order = optimizer.init(parameters), np.random.default_rng(0)
    for epoch in range(epochs):
        for batch in order.permutation(len(y))[: len(y) // 64 * 64].reshape(-1, 64):
            parameters, memory, value = step(parameters, memory, codes[:, batch], y[batch])
        print(f"loop, epoch {epoch + 1}: loss {value:.3f} of the last batch")
    q.latent.value = parameters


def main(folder: Path, epochs: int = 10) -> None:
    digits = load_digits()
    seen, x = (np.asarray(constant_current(part)) for part in (digits.x_train, digits.x_test))  # (time, batch, 64)
    f = lx.capture(train_digits(seed=0), dt=1 * u.ms, in_size=64)

    def right(network) -> str:
        return f"{(lx.simulate(network, x).prediction.labels == digits.y_test).mean():.1%} of the test images"

    print("as trained:", right(f))
    print("rounded:", right(lx.quantize(f, "fpga-q", calibration=seen, spec=WIDTHS)))

    tuned = lx.qat(f, "fpga-q", seen, digits.y_train, epochs=epochs, spec=WIDTHS)
    print("fine-tuned in one call:", right(tuned))

    q = lx.QAT(f, "fpga-q", calibration=seen, spec=WIDTHS)
    in_a_loop(q, q.encode(seen), digits.y_train, epochs)
    looped = q.to_int()
    print("fine-tuned in a loop:", right(looped))

    ints = q.apply(q.latent.value, q.encode(x)).ints  # the forward pass is the simulator
    trace = lx.simulate(looped, x, record=("v",), backend="reference")
    assert all((np.asarray(ints.v[name]) == v).all() for name, v in trace.v.items())

    lx.to_onnx(tuned, folder / "tuned.onnx")
    print(lx.compare(f, tuned, x, labels=digits.y_test).card())


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out_02_qat")
    folder.mkdir(parents=True, exist_ok=True)
    main(folder, *map(int, sys.argv[2:]))
