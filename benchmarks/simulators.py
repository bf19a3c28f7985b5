"""Integer simulators against the int64 reference and against the float forward pass, side by side in one process.

    python benchmarks/simulators.py [--runs 7] [mlp] [recurrent] [density] [linear]

w8/v16 networks, 5 % input spikes, B=64, T=100 and B=1, T=1000: 784-512-10, and 700-256-256-20 whose hidden layers feed
themselves. "float forward" is the faster of two JAX forms of the same float32 network: one scan over time, and layer by
layer with all projections in one product. Every method is timed in turn, and the medians of its CPU times (all threads)
are compared; results are compared first. ``density`` varies the share of input spikes, ``linear`` steps and samples.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

import lifexport as lx
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output

DT, TAU = 1e-3, 10e-3
MLP, RECURRENT = (784, 512, 10), (700, 256, 256, 20)


def network(sizes: tuple[int, ...], *, recurrent: bool = False, **rules) -> lx.FloatNetwork:
    rng = np.random.default_rng(0)
    nodes = {"in": Input(shape=(sizes[0],)), "out": Output(shape=(sizes[-1],))}
    edges, before = [], "in"
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        nodes[f"fc{i}"] = FloatDense(weight=rng.normal(0.4, 6.0, (n_out, n_in)) / np.sqrt(n_in) * 3)
        nodes[f"lif{i}"] = FloatLIF(shape=(n_out,), dt=DT, tau=TAU, r=1.0, v_threshold=1.0, v_reset=0.0, **rules)
        edges += [Edge(before, f"fc{i}"), Edge(f"fc{i}", f"lif{i}")]
        before = f"lif{i}"
        if recurrent and i < len(sizes) - 2:
            nodes[f"back{i}"] = FloatDense(weight=rng.normal(-0.5, 6.0, (n_out, n_out)) / np.sqrt(n_out))
            edges += [Edge(before, f"back{i}", 1), Edge(f"back{i}", before)]
    return lx.FloatNetwork(nodes=nodes, edges=[*edges, Edge(before, "out")], dt=DT)


def float_forms(f: lx.FloatNetwork) -> dict[str, Callable]:
    """Output spikes of the float network in float32: a scan over time, and layer by layer."""
    layers = range(len(f.populations))
    weights = [jnp.asarray(f.nodes[f"fc{i}"].weight.T, jnp.float32) for i in layers]
    backs = [jnp.asarray(f.nodes[f"back{i}"].weight.T, jnp.float32) if f"back{i}" in f.nodes else None for i in layers]
    decay = float(np.exp(-DT / TAU))
    gain = 1 - decay

    def neuron(back, v, current):
        fired = (v >= 1.0).astype(jnp.float32)
        current = current if back is None else current + fired @ back
        v = decay * (v - fired) + gain * current
        return v, (v >= 1.0).astype(jnp.float32)

    def start(batch):
        return [jnp.zeros((batch, w.shape[1]), jnp.float32) for w in weights]

    @jax.jit
    def scanned(x):
        def step(states, now):
            after = []
            for v, w, back in zip(states, weights, backs, strict=True):
                v, now = neuron(back, v, now @ w)
                after.append(v)
            return after, now

        return jax.lax.scan(step, start(x.shape[1]), x)[1]

    @jax.jit
    def layered(x):
        for v, w, back in zip(start(x.shape[1]), weights, backs, strict=True):
            x = jax.lax.scan(lambda v, now, back=back: neuron(back, v, now), v, x @ w)[1]
        return x

    return {"float scan": scanned, "float layers": layered}


def spikes(steps: int, batch: int, n: int, density: float) -> np.ndarray:
    return (np.random.default_rng(1).random((steps, batch, n)) < density).astype(np.int8)


def timed(methods: dict[str, Callable], runs: int) -> dict[str, float]:
    """Median CPU seconds (seconds on other devices) of methods run in turn, but for the first round, which compiles."""
    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in methods}
    for run in range(runs + 1):
        for name, method in methods.items():
            began = clock()
            method()
            times[name] += [clock() - began] if run else []
    return {name: statistics.median(values) for name, values in times.items()}


def simulators(q: lx.IntNetwork, codes: np.ndarray) -> dict[str, Callable]:
    return {how: lambda how=how: lx.simulate(q, codes, backend=how) for how in ("event", "fast")}


def compare(f: lx.FloatNetwork, q: lx.IntNetwork, batch: int, steps: int, runs: int) -> None:
    codes = spikes(steps, batch, f.nodes["in"].shape[0], 0.05)
    x = jnp.asarray(codes, jnp.float32)
    forms = {name: lambda form=form: form(x).block_until_ready() for name, form in float_forms(f).items()}
    reference = lx.simulate(q, codes, record=("v", "spikes"), backend="reference")
    differing = 0
    for how in ("event", "fast"):
        other = lx.simulate(q, codes, record=("v",), backend=how)
        differing += sum(int((other.v[n] != reference.v[n]).sum()) for n in q.populations)
    rates = ", ".join(f"{name} {fired.mean():.1%}" for name, fired in reference.spikes.items())
    print(f"\n{'-'.join(str(n.out_shape[0]) for n in (f.nodes['in'], *f.populations.values()))}, B={batch}, T={steps}")
    print(f"  fires: {rates}; {differing} membranes differ")
    cpu = timed({**forms, **simulators(q, codes)}, runs)
    cpu |= timed({"reference": lambda: lx.simulate(q, codes, backend="reference")}, 3)
    for name, seconds in cpu.items():
        print(f"  {name:13} {1e3 * seconds:9.2f} ms CPU, {1e6 * seconds / steps:9.2f} us a step")
    best = min(cpu["float scan"], cpu["float layers"])
    for how in ("event", "fast"):
        print(f"  {how} is {cpu['reference'] / cpu[how]:.0f}x the reference, {best / cpu[how]:.2f}x the float forward")


def by_density(q: lx.IntNetwork, runs: int) -> None:
    print("\nshare of input spikes: event and fast, ms CPU, B=64, T=100")
    for density in (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0):
        codes = spikes(100, 64, MLP[0], density)
        fires = lx.simulate(q, codes, record=("spikes",), backend="fast").spikes["lif0"].mean()
        cpu = timed(simulators(q, codes), runs)
        print(f"  {density:6.1%} (hidden {fires:5.1%}): {1e3 * cpu['event']:8.2f} {1e3 * cpu['fast']:8.2f}")


def by_size(q: lx.IntNetwork, runs: int) -> None:
    print("\nsteps and samples: us CPU a step and sample, 5 % input spikes")
    for steps, batch in ((100, 1), (1000, 1), (10000, 1), (100, 16), (100, 64), (100, 256), (1000, 64)):
        cpu = timed(simulators(q, spikes(steps, batch, MLP[0], 0.05)), runs)
        each = {how: 1e6 * seconds / steps / batch for how, seconds in cpu.items()}
        print(f"  T={steps:5}, B={batch:3}: event {each['event']:6.2f}, fast {each['fast']:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("what", nargs="*", default=["mlp", "recurrent", "density", "linear"])
    given = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}")
    spiking = {"input": InputCode(kind="spikes"), "weight_bits": 8, "state_bits": 16}
    f = network(MLP)
    q = lx.quantize(f, "fpga-q", **spiking)
    if "mlp" in given.what:
        for batch, steps in ((64, 100), (1, 1000)):
            compare(f, q, batch, steps, given.runs)
    if "recurrent" in given.what:
        f_back = network(RECURRENT, recurrent=True)
        for batch, steps in ((64, 100), (1, 1000)):
            compare(f_back, lx.quantize(f_back, "fpga-q", **spiking), batch, steps, given.runs)
    if "density" in given.what:
        by_density(q, given.runs)
    if "linear" in given.what:
        by_size(q, given.runs)


if __name__ == "__main__":
    main()
