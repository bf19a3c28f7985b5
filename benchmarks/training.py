"""Training steps against idiomatic ``brainpy.state.LIF``, side by side in one process.

    python benchmarks/training.py [--runs 15] [--small] [--malloc]

700-256-256-20 (``--small``: 64-128-10), B=64, T=100, dense layers with LIF neurons behind each, the same weights and
inputs for all; cross entropy of the spike counts; a step is value and gradient, without an optimizer. The yardstick is
``brainstate.transform.for_loop(net.update, x)`` of brainpy's neurons. Methods take turns; given are medians of
the process's CPU time (all threads; of wall-clock time on other devices), their ratio to the yardstick, and the
temporary memory XLA plans. lifexport's spikes and gradients are compared with brainpy's first. Peers use their own
neuron and surrogate, with the same sizes and decay: their cost is compared, not their accuracy. A peer that is not
installed is named and skipped.

"QAT" rows are ``lx.QAT`` of the same network, w8/v16: forward in integers (membranes and spikes are compared with the
int64 reference), backward by hand. ``--malloc`` starts over with an allocator that keeps freed memory: where pages are
expensive (virtual machines), fetching them anew in every call takes longer than what is computed in them.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from time import perf_counter, process_time

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

import lifexport as lx

TAU, DT = 10.0, 1.0
DECAY = float(np.exp(-DT / TAU))
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
Method = tuple[Callable[[], object], Callable[[], object]]
"""Forward pass and training step."""


class Task:
    """Sizes, weights, inputs and labels, the same for everybody."""

    def __init__(self, sizes: tuple[int, ...], batch: int, steps: int):
        rng = np.random.default_rng(0)
        self.sizes, self.batch, self.steps = sizes, batch, steps
        self.x = (rng.random((steps, batch, sizes[0])) < 0.1).astype(np.float32)
        self.labels = rng.integers(0, sizes[-1], batch)
        # Strong enough for a tenth of the neurons to fire.
        self.weights = [rng.normal(0.0, 15.0 / pair[0] ** 0.5, pair).astype(np.float32) for pair in self.pairs]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(zip(self.sizes, self.sizes[1:], strict=False))

    def loss(self, spikes):
        chance = jax.nn.log_softmax(spikes.sum(axis=0) / 2)
        return -jnp.take_along_axis(chance, jnp.asarray(self.labels)[:, None], axis=1).mean()


def stateful(task: Task, neuron, run: Callable) -> tuple[Method, dict, str]:
    """Networks of brainstate modules; ``run(net, x)`` is the forward pass."""
    layers = []
    for (inputs, outputs), weight in zip(task.pairs, task.weights, strict=True):
        layers += [lx.Linear(inputs, outputs, weight), neuron(outputs, tau=TAU * u.ms)]
    net, x = lx.Sequential(*layers), jnp.asarray(task.x)
    parameters = net.states(brainstate.ParamState)

    def forward():
        brainstate.nn.init_all_states(net, batch_size=task.batch)
        return run(net, x)

    def both():
        return brainstate.transform.grad(lambda: task.loss(forward()), parameters, return_value=True)()

    fast, step = brainstate.transform.jit(forward), brainstate.transform.jit(both)
    found = {"spikes": np.asarray(fast()), "slopes": [np.asarray(g["weight"]) for g in step()[0].values()]}
    memory = step.compile().memory_analysis().temp_size_in_bytes
    return (
        (lambda: jax.block_until_ready(fast()), lambda: jax.block_until_ready(step())),
        found,
        f"{memory / 2**20:.0f} MiB",
    )


def integer(task: Task, target: str) -> tuple[Method, str]:
    """``lx.QAT`` of the same network, checked against the int64 reference."""
    layers = []
    reset = "hard" if target == "loihi-lava" else "soft"
    for (inputs, outputs), weight in zip(task.pairs, task.weights, strict=True):
        layers += [lx.Linear(inputs, outputs, weight), lx.LIF(outputs, tau=TAU * u.ms, spk_reset=reset)]
    q = lx.QAT(lx.Sequential(*layers), target, calibration=task.x, weight_bits=8)
    codes, parameters = jnp.asarray(q.encode(task.x)), q.latent.value
    fast = jax.jit(lambda parameters: q.apply(parameters, codes).spikes)
    loss = jax.jit(lambda parameters: (task.loss((out := q.apply(parameters, codes)).spikes), out.ints))
    step = jax.jit(jax.value_and_grad(lambda parameters: task.loss(q.apply(parameters, codes).spikes)))
    t = lx.simulate(q.to_int(), np.asarray(codes), record=("v", "spikes"), backend="reference")
    ints = loss(parameters)[1]
    differ = sum(int((np.asarray(ints.v[n]) != t.v[n]).sum() + (ints.spikes[n] != t.spikes[n]).sum()) for n in t.v)
    print(f"QAT {target}: {t.output.mean():.1%} fire; {differ} membranes and spikes differ from the reference")
    memory = step.lower(parameters).compile().memory_analysis().temp_size_in_bytes
    return (
        (lambda: jax.block_until_ready(fast(parameters)), lambda: jax.block_until_ready(step(parameters))),
        f"{memory / 2**20:.0f} MiB",
    )


def spyx_method(task: Task) -> Method:
    """Its LIF with its default surrogate, stepped by ``jax.lax.scan``."""
    spyx = importlib.import_module("spyx")
    nnx = importlib.import_module("flax.nnx")
    rngs = nnx.Rngs(0)
    neurons = [spyx.nn.LIF((outputs,), beta=DECAY, rngs=rngs) for _, outputs in task.pairs]
    weights, x = [jnp.asarray(w) for w in task.weights], jnp.asarray(task.x)

    def forward(weights):
        def step(states, now):
            after = []
            for weight, neuron, state in zip(weights, neurons, states, strict=True):
                now, state = neuron(now @ (weight * (1 - DECAY)), state)
                after.append(state)
            return after, now

        states = [neuron.initial_state(task.batch) for neuron in neurons]
        return jax.lax.scan(step, states, x)[1]

    fast = jax.jit(forward)
    step = jax.jit(jax.value_and_grad(lambda weights: task.loss(forward(weights))))
    return lambda: jax.block_until_ready(fast(weights)), lambda: jax.block_until_ready(step(weights))


def _torch_method(task: Task, build: Callable) -> Method:
    torch = importlib.import_module("torch")
    weights = [torch.tensor(w * (1 - DECAY), requires_grad=True) for w in task.weights]
    x, labels = torch.tensor(task.x), torch.tensor(task.labels)
    neurons, begin = build(task)

    def forward():
        states, spikes = begin(), []
        for now in x:
            for i, (weight, neuron) in enumerate(zip(weights, neurons, strict=True)):
                now, states[i] = neuron(now @ weight, states[i])
            spikes.append(now)
        return torch.stack(spikes)

    def fast():
        with torch.no_grad():
            return forward()

    def step():
        loss = torch.nn.functional.cross_entropy(forward().sum(dim=0) / 2, labels)
        return torch.autograd.grad(loss, weights)

    return fast, step


def snntorch_method(task: Task) -> Method:
    """``snn.Leaky``, soft reset."""

    def build(task):
        snn = importlib.import_module("snntorch")
        return [snn.Leaky(beta=DECAY) for _ in task.pairs], lambda: [
            importlib.import_module("torch").zeros(task.batch, outputs) for _, outputs in task.pairs
        ]

    return _torch_method(task, build)


def norse_method(task: Task) -> Method:
    """``LIFBoxCell``, forward Euler without a synaptic current."""

    def build(task):
        box = importlib.import_module("norse.torch.module.lif_box")
        p = importlib.import_module("norse.torch.functional.lif_box").LIFBoxParameters
        torch = importlib.import_module("torch")
        return [box.LIFBoxCell(p(tau_mem_inv=torch.as_tensor(1e3 / TAU))) for _ in task.pairs], lambda: [
            None for _ in task.pairs
        ]

    return _torch_method(task, build)


PEERS = {"spyx": spyx_method, "snntorch": snntorch_method, "norse": norse_method}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--malloc", action="store_true")
    given = parser.parse_args()
    if given.malloc and not set(MALLOC) <= set(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MALLOC})
    brainstate.environ.set(dt=DT * u.ms)
    task = Task((64, 128, 10), 32, 50) if given.small else Task((700, 256, 256, 20), 64, 100)
    print(f"jax {jax.__version__}, brainstate {brainstate.__version__}, {jax.devices()[0].device_kind}")

    stepwise = ("brainpy.state.LIF", brainpy.state.LIF, lambda net, x: brainstate.transform.for_loop(net.update, x))
    # Every row of our own: name, neuron, forward pass.
    rows = [stepwise, ("lifexport, float", lx.LIF, lambda net, x: net.run(x))]
    methods: dict[str, Method] = {}
    found, memory = {}, {}
    for name, neuron, run in rows:
        methods[name], found[name], memory[name] = stateful(task, neuron, run)
    yardstick = stepwise[0]
    for name, mine in found.items():
        other = found[yardstick]
        differ = int((mine["spikes"] != other["spikes"]).sum())
        pairs = zip(mine["slopes"], other["slopes"], strict=True)
        worst = max(np.abs(a - b).max() / np.abs(b).max() for a, b in pairs)
        print(f"{name}: {mine['spikes'].mean():.1%} fire; {differ} spikes differ, gradients by {worst:.1e}")
    for target in ("fpga-q", "loihi-lava"):
        methods[f"QAT {target}"], memory[f"QAT {target}"] = integer(task, target)
    for name, build in PEERS.items():
        try:
            methods[name] = build(task)
            for call in methods[name]:
                call()
        except ImportError as missing:
            methods.pop(name, None)
            print(f"{name}: skipped, {missing}")

    clock = (
        process_time if jax.default_backend() == "cpu" else perf_counter
    )  # another device works on nobody's CPU time
    times: dict[tuple[str, int], list[float]] = {(name, i): [] for name in methods for i in (0, 1)}
    for _ in range(given.runs):
        for name, i in times:
            start = clock()
            methods[name][i]()
            times[name, i].append(clock() - start)
    print(f"\n{'':22} {'forward':>18} {'train step':>18}  temporary memory of the step")
    for name in methods:
        cells = []
        for i in (0, 1):
            mine, base = (1e3 * float(np.median(times[key, i])) for key in (name, yardstick))
            cells.append(f"{mine:8.1f} ms {mine / base:5.2f}x")
        print(f"{name:22} {cells[0]:>18} {cells[1]:>18}  {memory.get(name, '')}")


if __name__ == "__main__":
    main()
