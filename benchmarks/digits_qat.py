"""Fine-tuning in a chip's integers on the digits: float, rounded (``lx.quantize``) and fine-tuned (``lx.qat``).

    python benchmarks/digits_qat.py [--seeds 5] [--rows w4/v12 ...]

One float network a seed, every row starts from it; all are judged on the same 450 test images. Printed are means, the
mean of the paired difference to float in points with a 95 % interval (Student's t over seeds), the test accuracy of
every seed, and the CPU time (all threads) of one call of ``lx.qat``, its compilation included. "differ" counts
membranes and spikes of every population, step and test image that are not the same in the trained module's forward
pass and in the int64 reference simulator.
"""

import argparse
from time import process_time

import brainunit as u
import numpy as np
import optax
from digits_seeds import interval

import lifexport as lx
from lifexport.demo.training import BATCH, constant_current, load_digits, train_digits
from lifexport.finetuning.tuning import tune

MSE = {"method": "mse"}
ROWS = {
    "w4/v12": (4, 12, MSE, None),
    "w3/v12": (3, 12, MSE, None),
    "w4/v8": (4, 8, MSE, None),
    "w2/v12": (2, 12, MSE, None),
    "w2/v12-faster": (2, 12, MSE, 1.5e-2),
    "w2/v12-minmax": (2, 12, {"method": "minmax"}, None),
}
"""Bits of weights and states, further choices, and the first learning rate where it is not that of ``lx.qat``."""
EPOCHS = 10


def fine_tuned(f: lx.FloatNetwork, x, y, choices: dict, training: dict) -> tuple[lx.QAT, float]:
    """Do what ``lx.qat`` does, and keep the module that it trains; and CPU seconds."""
    began = process_time()
    module = lx.QAT(f, "fpga-q", calibration=x, **choices)
    tune(module, x, y, progress=False, **{"epochs": EPOCHS, **training})
    return module, process_time() - began


def differing(module: lx.QAT, x: np.ndarray) -> tuple[int, int]:
    """V and spikes that differ between the module's forward pass and the reference, and how many were compared."""
    q, codes = module.to_int(), module.encode(x)
    mine = module.apply(module.latent.value, codes).ints
    reference = lx.simulate(q, codes.astype(np.int64), record=("v", "spikes"), backend="reference")
    differ = compared = 0
    for got, wanted in ((mine.v, reference.v), (mine.spikes, reference.spikes)):
        for name in q.populations:
            differ += int((np.asarray(got[name]) != wanted[name]).sum())
            compared += wanted[name].size
    return differ, compared


def accuracy(net: lx.FloatNetwork | lx.IntNetwork, x: np.ndarray, y: np.ndarray) -> float:
    """Share of samples that a network names rightly."""
    return float((lx.simulate(net, x).prediction.labels == y).mean())


def falling(rate: float, samples: int) -> optax.GradientTransformation:
    """As ``lx.qat`` trains by default, from another learning rate."""
    return optax.adam(optax.cosine_decay_schedule(rate, EPOCHS * (samples // BATCH)))


class Scores:
    """Accuracies of one row, a seed at a time."""

    def __init__(self, name: str):
        self.name, self.rates, self.seconds, self.differ, self.compared = name, [], [], 0, 0

    def add(self, f: lx.FloatNetwork, train: tuple, test: tuple, choices: dict, training: dict) -> None:
        """Round and fine-tune a trained network, judge all three."""
        x, y = train
        rounded = lx.quantize(f, "fpga-q", calibration=x, **choices)
        module, seconds = fine_tuned(f, x, y, choices, training)
        self.rates.append([accuracy(net, *test) for net in (f, rounded, module.to_int())])
        self.seconds.append(seconds)
        differ, compared = differing(module, test[0])
        self.differ, self.compared = self.differ + differ, self.compared + compared

    def __str__(self) -> str:
        real, rounded, tuned = (list(column) for column in zip(*self.rates, strict=True))
        lines = [f"{self.name}: float {np.mean(real):.2%}, {np.mean(self.seconds):.1f} s of CPU a fine-tuning"]
        for name, rates in (("rounded", rounded), ("fine-tuned", tuned)):
            change = interval([b - a for a, b in zip(real, rates, strict=True)]) if len(rates) > 1 else "unknown"
            each = ", ".join(f"{100 * rate:.2f}" for rate in rates)
            lines.append(f"  {name:10} {np.mean(rates):.2%}, against float {change} points; seeds {each}")
        return "\n".join([*lines, f"  {self.differ} of {self.compared} membranes and spikes differ"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    options = parser.parse_args()
    digits = load_digits()
    train, test = (
        (np.asarray(constant_current(x)), y)
        for x, y in ((digits.x_train, digits.y_train), (digits.x_test, digits.y_test))
    )
    networks = [lx.capture(train_digits(seed), dt=1 * u.ms, in_size=64) for seed in range(options.seeds)]
    for name in options.rows:
        weight_bits, state_bits, choices, rate = ROWS[name]
        scores = Scores(name)
        for seed, f in enumerate(networks):
            training = {
                "seed": seed,
                "epochs": EPOCHS,
                "optimizer": None if rate is None else falling(rate, len(train[1])),
            }
            scores.add(f, train, test, {"weight_bits": weight_bits, "state_bits": state_bits, **choices}, training)
        print(scores, flush=True)


if __name__ == "__main__":
    main()
