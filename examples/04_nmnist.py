"""Digits before an event camera: a convolutional network on spikes from first to last layer. A short run.

Run me: LIFEXPORT_DATA=folder python examples/04_nmnist.py [folder] [epochs]. The data: lifexport.demo.datasets.
"""

import sys
from pathlib import Path

import brainstate
import brainunit as u
import optax

import lifexport as lx
from lifexport.demo.datasets import load_nmnist

DT = 10 * u.ms


def network() -> lx.Sequential:
    """2x17x17 - 12c5s2 - 24c3s2 - 10, spiking; channels come first."""
    neuron = {"tau": 30 * u.ms, "spk_fun": lx.surrogate.Arctan(2.0)}
    first = lx.Conv2d((2, 17, 17), 12, 5, stride=2, padding=2, name="conv1")
    second = lx.Conv2d(first.out_size, 24, 3, stride=2, padding=1, name="conv2")
    flat = lx.Flatten(second.out_size)
    return lx.Sequential(
        first,
        lx.LIF(first.out_size, name="lif1", **neuron),
        second,
        lx.LIF(second.out_size, name="lif2", **neuron),
        flat,
        lx.Linear(flat.out_size, 10, name="dense"),
        lx.LIF(10, name="output", **neuron),
    )


def main(folder: Path, epochs: int = 20) -> None:
    data = load_nmnist(steps=30, size=17)  # uint8, and it stays so until a batch is on the device
    brainstate.random.seed(0)
    net = network()

    adam = optax.adam(4e-3)
    history = lx.fit(net, data.x_train, data.y_train, dt=DT, optimizer=adam, epochs=epochs, batch_size=25)
    for name, rate in history.best.rates.items():
        print(f"{name} fires at {rate:.1%} of its steps")
    print(f"{lx.evaluate(net, data.x_test, data.y_test, dt=DT, batch_size=50).accuracy:.1%} of the 100 test recordings")
    lx.save_parameters(net, folder / "nmnist.npz")

    f = lx.capture(net, dt=DT)
    q = lx.quantize(f, "fpga-q", calibration=data.x_train[:, :50], weight_bits=8, state_bits=16)
    print(lx.compare(f, q, data.x_test, labels=data.y_test).card())


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out_04_nmnist")
    folder.mkdir(parents=True, exist_ok=True)
    main(folder, *map(int, sys.argv[2:]))
