"""The integer simulators against the float forward pass of a convolutional network, side by side in one process.

    python benchmarks/convolution.py [--runs 7] [--density]

34x34x2 inputs (N-MNIST's), 3 % spikes: 12c5 - sum pool 2 - 32c5 - sum pool 2 - 10, w8/v16, LIF neurons behind every
convolution. "float forward" is the faster of two JAX forms of the same network in float32, channels first and channels
last, each convolution over all time steps at once, then a scan of the neurons. Medians of CPU times (all threads) of
methods that take turns; results are compared with the reference first.
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from simulators import DT, TAU, simulators, timed

import lifexport as lx
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output
from lifexport.spatial import Flatten, FloatConv, SumPool

DECAY = float(np.exp(-DT / TAU))


def network() -> lx.FloatNetwork:
    rng = np.random.default_rng(0)

    def lif(*shape: int) -> FloatLIF:
        return FloatLIF(shape=shape, dt=DT, tau=TAU, r=1.0, v_threshold=1.0, v_reset=0.0)

    nodes = {
        "in": Input(shape=(2, 34, 34)),
        "c0": FloatConv(weight=rng.normal(0.5, 4.0, (12, 2, 5, 5)), size=(34, 34)),
        "a": lif(12, 30, 30),
        "p0": SumPool(shape=(12, 30, 30), kernel=2),
        "c1": FloatConv(weight=rng.normal(0.05, 1.0, (32, 12, 5, 5)), size=(15, 15)),
        "b": lif(32, 11, 11),
        "p1": SumPool(shape=(32, 11, 11), kernel=2),
        "flat": Flatten(shape=(32, 5, 5)),
        "fc": FloatDense(weight=rng.normal(0.05, 1.0, (10, 800))),
        "last": lif(10),
        "out": Output(shape=(10,)),
    }
    pairs = ["in c0", "c0 a", "a p0", "p0 c1", "c1 b", "b p1", "p1 flat", "flat fc", "fc last", "last out"]
    return lx.FloatNetwork(nodes=nodes, edges=[Edge(*pair.split()) for pair in pairs], dt=DT)


def float_forms(f: lx.FloatNetwork) -> dict:
    """Output spikes in float32, for inputs with channels first."""
    kernels = {name: jnp.asarray(f.nodes[name].weight, jnp.float32) for name in ("c0", "c1", "fc")}

    def neurons(current):
        def step(v, now):
            v = DECAY * (v - (v >= 1.0)) + (1 - DECAY) * now
            return v, (v >= 1.0).astype(jnp.float32)

        return jax.lax.scan(step, jnp.zeros(current.shape[1:]), current)[1]

    def form(layout: str):
        def convolve(x, name):
            flat = x.reshape(-1, *x.shape[2:])
            kernel = kernels[name] if layout == "NCHW" else kernels[name].transpose(2, 3, 1, 0)
            names = (layout, "OIHW" if layout == "NCHW" else "HWIO", layout)
            y = jax.lax.conv_general_dilated(flat, kernel, (1, 1), "VALID", dimension_numbers=names)
            return y.reshape(*x.shape[:2], *y.shape[1:])

        def pool(x):
            window = (1, 1, 1, 2, 2) if layout == "NCHW" else (1, 1, 2, 2, 1)
            return jax.lax.reduce_window(x, 0.0, jax.lax.add, window, window, "VALID")

        @jax.jit
        def forward(x):
            x = x if layout == "NCHW" else jnp.moveaxis(x, 2, -1)
            x = pool(neurons(convolve(x, "c0")))
            x = pool(neurons(convolve(x, "c1")))
            x = x if layout == "NCHW" else jnp.moveaxis(x, -1, 2)
            return neurons(x.reshape(*x.shape[:2], -1) @ kernels["fc"].T)

        return forward

    return {f"float {layout}": form(layout) for layout in ("NCHW", "NHWC")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--density", action="store_true", help="by share of input spikes, simulators alone")
    given = parser.parse_args()
    runs = given.runs
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}")
    f = network()
    q = lx.quantize(f, "fpga-q", input=InputCode(kind="spikes"), weight_bits=8, state_bits=16)
    if given.density:
        for share in (0.001, 0.01, 0.03, 0.1, 0.2, 0.5, 1.0):
            codes = (np.random.default_rng(1).random((100, 8, 2, 34, 34)) < share).astype(np.int8)
            fired = lx.simulate(q, codes, record=("spikes",), backend="fast").spikes
            cpu = timed(simulators(q, codes), runs)
            rates = ", ".join(f"{name} {spikes.mean():.1%}" for name, spikes in fired.items())
            print(f"{share:6.1%} of inputs; {rates}; " + ", ".join(f"{n} {1e3 * s:.1f} ms" for n, s in cpu.items()))
        return
    for batch, steps in ((8, 100), (1, 300)):
        codes = (np.random.default_rng(1).random((steps, batch, 2, 34, 34)) < 0.03).astype(np.int8)
        x = jnp.asarray(codes, jnp.float32)
        a = lx.simulate(q, codes[:20], record=("v", "spikes"), backend="reference")
        differing = 0
        for how in ("event", "fast"):
            b = lx.simulate(q, codes[:20], record=("v",), backend=how)
            differing += sum(int((a.v[name] != b.v[name]).sum()) for name in a.v)
        rates = ", ".join(f"{name} {fired.mean():.1%}" for name, fired in a.spikes.items())
        forms = {name: lambda form=form, x=x: form(x).block_until_ready() for name, form in float_forms(f).items()}
        cpu = timed({**forms, **simulators(q, codes)}, runs)
        print(f"\nB={batch}, T={steps}; fires: {rates}; {differing} membranes of the first 20 steps differ")
        for name, seconds in cpu.items():
            print(f"  {name:10} {1e3 * seconds:9.2f} ms CPU")
        for how in ("event", "fast"):
            print(f"  {how} is {min(cpu[name] for name in forms) / cpu[how]:.2f}x the float forward")


if __name__ == "__main__":
    main()
