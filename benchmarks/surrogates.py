"""Which surrogates leave neurons dead: the digits network from weights far too small, once with each of the 18.

    python benchmarks/surrogates.py [--epochs 10] [--seed 0]

``KaimingNormal(scale=2.0)``, five times smaller than the demo's weights; Adam at 5e-3, the defaults of every surrogate.
Printed, best first: accuracy on the 450 test images, and classes whose neuron never fires on any of them.
"""

import argparse
import warnings

import brainstate
import brainunit as u
import numpy as np

import lifexport as lx
from lifexport.demo.training import BATCH, DT, constant_current, load_digits
from lifexport.errors import LifexportWarning
from lifexport.train.surrogate import SURROGATES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    digits = load_digits()
    x, test = (np.asarray(constant_current(part)) for part in (digits.x_train, digits.x_test))
    found = []
    for kind in SURROGATES:
        brainstate.random.seed(given.seed)
        weak = {"w_init": brainstate.nn.init.KaimingNormal(scale=2.0)}
        neuron = {"tau": 10.0 * u.ms, "spk_fun": kind()}
        net = lx.Sequential(
            lx.Linear(64, 128, **weak), lx.LIF(128, **neuron), lx.Linear(128, 10, **weak), lx.LIF(10, **neuron)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LifexportWarning)
            options = {"epochs": given.epochs, "batch_size": BATCH, "seed": given.seed, "progress": False}
            lx.fit(net, x, digits.y_train, dt=DT, **options)
        trace = lx.simulate(lx.capture(net, dt=DT), test)
        dead = int((trace.output.sum(axis=(0, 1)) == 0).sum())
        found.append((float((trace.prediction.labels == digits.y_test).mean()), dead, kind.__name__))
    for accuracy, dead, name in sorted(found, reverse=True):
        print(f"{name:24} {accuracy:6.1%}  {dead} dead")


if __name__ == "__main__":
    main()
