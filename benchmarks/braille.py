"""Braille read by touch at 4-bit weights and 16-bit states: float, rounded and fine-tuned.

    LIFEXPORT_DATA=folder python benchmarks/braille.py [--seeds 3] [--epochs 100]

27 letters, 75 steps of 8 spike trains, 32 repetitions for training and 8 for testing (``load_braille``); 8-256-27 LIF
neurons trained by ``lx.fit``; for ``fpga-q``, ``method="minmax"``. Printed as by ``digits_qat.py``.
"""

import argparse

import brainstate
import brainunit as u
from digits_qat import Scores

import lifexport as lx
from lifexport.demo.datasets import load_braille
from lifexport.errors import FileError

DT = 1 * u.ms


def network(hidden: int = 256) -> lx.Sequential:
    """Eight spike trains, one neuron for each letter."""
    neuron = {"spk_fun": lx.surrogate.Arctan(2.0), "tau": 20 * u.ms}
    return lx.Sequential(lx.Linear(8, hidden), lx.LIF(hidden, **neuron), lx.Linear(hidden, 27), lx.LIF(27, **neuron))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    options = parser.parse_args()
    try:
        data = load_braille()
    except FileError as absent:
        raise SystemExit(str(absent)) from None
    scores = Scores("w4/v16")
    for seed in range(options.seeds):
        brainstate.random.seed(seed)
        net = network()
        lx.fit(net, data.x_train, data.y_train, dt=DT, epochs=options.epochs, seed=seed, progress=False)
        f = lx.capture(net, dt=DT)
        choices = {"weight_bits": 4, "state_bits": 16, "method": "minmax"}
        scores.add(f, (data.x_train, data.y_train), (data.x_test, data.y_test), choices, {"seed": seed})
    print(scores)


if __name__ == "__main__":
    main()
