"""Braille read by touch at 4-bit weights and 16-bit states: float, rounded and fine-tuned.

    LIFEXPORT_DATA=folder python benchmarks/braille.py [--seeds 3] [--epochs 60] [--tuning-epochs 40]

27 letters, 75 steps of 8 counts, 32 repetitions for training and 8 for testing (``load_braille``); 8-256-27 LIF
neurons, time constants of the hidden ones from 3 to 40 steps, trained by ``lx.fit``; for ``fpga-q``,
``method="minmax"``. Printed after every seed, over the seeds so far, as by ``digits_qat.py``.
"""

import argparse

import brainstate
import brainunit as u
import numpy as np
import optax
from digits_qat import Scores

import lifexport as lx
from lifexport.demo.datasets import load_braille
from lifexport.errors import FileError

DT, BATCH = 1 * u.ms, 32
CHOICES = {"weight_bits": 4, "state_bits": 16, "method": "minmax"}


def network(hidden: int = 256) -> lx.Sequential:
    """Eight counts, one neuron for each letter; weights around 1, so that one learning rate fits both layers."""
    init, fire = brainstate.nn.init.KaimingNormal, lx.surrogate.Arctan(2.0)
    tau = np.geomspace(3.0, 40.0, hidden)
    slow = 40.0
    return lx.Sequential(
        lx.Linear(8, hidden, w_init=init(scale=8.0)),
        lx.LIF(hidden, tau=tau * u.ms, R=0.05 / (1 - np.exp(-1 / tau)) * u.ohm, spk_fun=fire),
        lx.Linear(hidden, 27, w_init=init(scale=float(hidden))),
        lx.LIF(27, tau=slow * u.ms, R=0.06 / (1 - np.exp(-1 / slow)) * u.ohm, spk_fun=fire),
    )


def falling(rate: float, epochs: int, samples: int) -> dict:
    """Adam whose rate falls to zero along a cosine, as options of ``fit`` and ``qat``."""
    schedule = optax.cosine_decay_schedule(rate, epochs * (samples // BATCH))
    return {"optimizer": optax.adam(schedule), "epochs": epochs, "batch_size": BATCH}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--tuning-epochs", type=int, default=40)
    options = parser.parse_args()
    try:
        data = load_braille()
    except FileError as absent:
        raise SystemExit(str(absent)) from None
    train, test = (data.x_train, data.y_train), (data.x_test, data.y_test)
    loss, samples = lx.losses.CrossEntropy("count", 0.3), len(data.y_train)
    scores = Scores("w4/v16")
    for seed in range(options.seeds):
        brainstate.random.seed(seed)
        net = network()
        told = {"loss": loss, "seed": seed}
        lx.fit(net, *train, dt=DT, progress=False, **told, **falling(5e-2, options.epochs, samples))
        f = lx.capture(net, dt=DT)
        scores.add(f, train, test, CHOICES, told | falling(2e-2, options.tuning_epochs, samples))
        print(scores, flush=True)


if __name__ == "__main__":
    main()
