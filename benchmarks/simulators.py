"""Fast integer simulator against the int64 reference and against the float forward pass, side by side in one process.

    python benchmarks/simulators.py [--runs 7]

784-512-10 spiking network, 5 % input spikes, w8/v16: B=64, T=100, and B=1, T=1000. "float forward" is the faster of two
JAX forms of the same float32 network: one scan over time, and layer by layer with all projections in one product. Every
method is timed in turn, and the medians of its CPU times (all threads) are compared; results are compared first.
"""

import argparse
import statistics
import time
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

import lifexport as lx
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output

SIZES = (784, 512, 10)
DT, TAU = 1e-3, 10e-3


def network() -> lx.FloatNetwork:
    rng = np.random.default_rng(0)
    nodes = {"in": Input(shape=(SIZES[0],))}
    for i, (n_in, n_out) in enumerate(pairwise(SIZES)):
        nodes[f"fc{i}"] = FloatDense(weight=rng.normal(0.4, 6.0, (n_out, n_in)) / np.sqrt(n_in) * 3)
        nodes[f"lif{i}"] = FloatLIF(shape=(n_out,), dt=DT, tau=TAU, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes["out"] = Output(shape=(SIZES[-1],))
    return lx.FloatNetwork(nodes=nodes, edges=[Edge(a, b) for a, b in pairwise(nodes)], dt=DT)


def float_forms(f: lx.FloatNetwork):
    """Output spikes of the float network in float32: a scan over time, and layer by layer."""
    weights = [jnp.asarray(f.nodes[f"fc{i}"].weight.T, jnp.float32) for i in range(len(SIZES) - 1)]
    decay = float(np.exp(-DT / TAU))
    gain = 1 - decay

    def neuron(v, current):
        v = decay * (v - (v >= 1.0)) + gain * current
        return v, (v >= 1.0).astype(jnp.float32)

    def start(batch):
        return [jnp.zeros((batch, w.shape[1]), jnp.float32) for w in weights]

    @jax.jit
    def scanned(x):
        def step(states, now):
            after = []
            for v, w in zip(states, weights, strict=True):
                v, now = neuron(v, now @ w)
                after.append(v)
            return after, now

        return jax.lax.scan(step, start(x.shape[1]), x)[1]

    @jax.jit
    def layered(x):
        for v, w in zip(start(x.shape[1]), weights, strict=True):
            x = jax.lax.scan(neuron, v, x @ w)[1]
        return x

    return {"float scan": scanned, "float layers": layered}


def measure(f: lx.FloatNetwork, q: lx.IntNetwork, batch: int, steps: int, runs: int) -> None:
    codes = (np.random.default_rng(1).random((steps, batch, SIZES[0])) < 0.05).astype(np.int8)
    x = jnp.asarray(codes, jnp.float32)
    methods = {name: lambda form=form: form(x).block_until_ready() for name, form in float_forms(f).items()}
    methods["fast"] = lambda: lx.simulate(q, codes, backend="fast").output
    reference = lx.simulate(q, codes, record=("v", "spikes"), backend="reference")
    fast = lx.simulate(q, codes, record=("v", "spikes"), backend="fast")
    differing = sum(int((fast.v[n] != reference.v[n]).sum()) for n in q.populations)
    rates = ", ".join(f"{name} {spikes.mean():.1%}" for name, spikes in reference.spikes.items())
    print(f"\n{'-'.join(map(str, SIZES))}, B={batch}, T={steps}; fires: {rates}; {differing} membranes differ")
    times = {name: [] for name in [*methods, "reference"]}
    for run in range(runs + 1):  # the first round compiles
        for name, method in methods.items():
            began = time.process_time()
            method()
            times[name] += [time.process_time() - began] if run else []
    for _ in range(3):
        began = time.process_time()
        lx.simulate(q, codes, backend="reference")
        times["reference"].append(time.process_time() - began)
    cpu = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in cpu.items():
        print(f"  {name:13} {1e3 * seconds:9.2f} ms CPU, {1e6 * seconds / steps:9.2f} us a step")
    best = min(cpu["float scan"], cpu["float layers"])
    print(f"  fast is {cpu['reference'] / cpu['fast']:.0f}x the reference, {best / cpu['fast']:.2f}x the float forward")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    f = network()
    q = lx.quantize(f, "fpga-q", input=InputCode(kind="spikes"), weight_bits=8, state_bits=16)
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}")
    for batch, steps in ((64, 100), (1, 1000)):
        measure(f, q, batch, steps, runs)


if __name__ == "__main__":
    main()
