"""Samples are spread over devices, and nothing changes."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import jax, numpy as np
from nets import random_network, spatial_network
from lifexport.simulation import fast, simulate

assert len(jax.devices()) == 4
for network, codes in (random_network(3, recurrent=True), spatial_network(1), spatial_network(2)):
    for copies in (4, 3):  # twelve samples are three for each device, nine cannot be shared out
        many = np.concatenate([codes[:, :3]] * copies, axis=1)
        spread = fast._spread(many.shape[1], jax.numpy.asarray(many), (), ())[0]
        assert len(spread.sharding.device_set) == (4 if copies == 4 else 1)
        record = ("v", "spikes", "overflows")
        a, b = (simulate(network, many, record=record, backend=how) for how in ("reference", "fast"))
        for name in a.v:
            np.testing.assert_array_equal(a.v[name], b.v[name])
            np.testing.assert_array_equal(a.spikes[name], b.spikes[name])
            assert a.overflows == b.overflows
print("equal")
"""


def test_four_devices_give_what_one_gives():
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    env["PYTHONPATH"] = os.pathsep.join([p for p in sys.path if p])
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "equal\n", done.stderr
