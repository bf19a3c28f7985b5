"""Training on four devices, and in two processes, gives what one device gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SCRIPT = """
import sys
import jax

processes, number, port = map(int, sys.argv[1:])
if processes > 1:  # before anything else of JAX
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", processes, number)
import brainstate, numpy as np, optax
from functools import partial
from lifexport.train import BatchNorm, Dropout, encoders, evaluate, fit
import brainunit as u
from test_fitting import X, Y, network, numbers

assert len(jax.devices()) == 4, jax.devices()
show = partial(encoders.bernoulli_rate, steps=8)
x = np.clip(X, 0, 1)

def trained(devices):
    net = network(0, BatchNorm(12))
    options = dict(dt=1 * u.ms, encoder=show, devices=devices)
    some = (x[:30], Y[:30])
    history = fit(net, x, Y, epochs=4, batch_size=16, optimizer=optax.adam(1e-2), validation=some, **options)
    return history, numbers(net), evaluate(net, x[:7], Y[:7], **options), net

one, many = trained(None), trained(jax.devices())
for a, b in zip(one[0].epochs, many[0].epochs):
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-5)
    assert a.accuracy == b.accuracy and a.validation.accuracy == b.validation.accuracy
for name in one[1]:
    np.testing.assert_allclose(one[1][name], many[1][name], rtol=1e-5, atol=1e-6, err_msg=name)
np.testing.assert_allclose(one[2].loss, many[2].loss, rtol=1e-5)
for state in many[3].states(brainstate.LongTermState).values():  # back where any code can use them
    for leaf in jax.tree.leaves(state.value):
        assert leaf.devices() == {jax.local_devices()[0]}
from lifexport.errors import ParameterError
try:
    fit(network(), x, Y, batch_size=6, encoder=show, dt=1 * u.ms, devices=jax.devices())
except ParameterError as refused:
    assert "LX006" in str(refused) and "multiple of the 4 devices" in str(refused)
else:
    raise AssertionError("6 samples were shared by 4 devices")
print("equal")
"""


def start(processes: int, number: int, port: int) -> subprocess.Popen:
    flags = f"--xla_force_host_platform_device_count={4 // processes}"
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    env["PYTHONPATH"] = os.pathsep.join([str(HERE), *(p for p in sys.path if p)])
    command = [sys.executable, "-c", SCRIPT, str(processes), str(number), str(port)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.thorough
def test_four_devices_train_as_one_does():
    out, err = start(1, 0, 0).communicate(timeout=300)
    assert out == "equal\n", err


@pytest.mark.thorough
def test_two_processes_train_as_one_does():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [start(2, number, port) for number in (0, 1)]
    try:
        for process in both:
            out, err = process.communicate(timeout=300)
            assert out.endswith("equal\n"), err
    finally:
        for process in both:
            process.kill()
