"""A module and what was captured of it are the same network: every membrane, every spike, in float64."""

from __future__ import annotations

import brainstate
import brainunit as u
import numpy as np

import lifexport as lx
from lifexport.capturing.neurons import is_population
from lifexport.capturing.wiring import leaves

PLAIN = {"R": 1.0, "tau": 8e-3, "V_th": 1.0, "V_reset": 0.0, "V_rest": 0.0}


def plain(kind, size, **fields):
    """Neurons without units, as brainstate's convolutions need them."""
    return kind(size, **{**PLAIN, "V_initializer": brainstate.nn.init.Constant(0.0), **fields})


def spikes(*shape, rate=0.4, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.float64)


def check_captured(net, x, *, dt=1e-3, to_network=lambda values: values, alive=True, **options):
    """Step the module, simulate what is captured of it, compare; returns the captured network.

    ``to_network`` turns an array ``(time, batch, *module's shape)`` into that of the captured network.
    """
    with brainstate.environ.context(dt=dt, fit=False):
        f = lx.capture(net, **options)
        brainstate.nn.init_all_states(net, batch_size=x.shape[1])
        cells = [layer for layer in leaves(net) if is_population(layer)]

        def step(now):
            return net(now), [cell.V.value for cell in cells]

        fired, rows = brainstate.transform.for_loop(step, x)
    trace = lx.simulate(f, to_network(x), record=("v", "spikes"))
    scale = 1e-3 if u.get_dim(dt) != u.DIMENSIONLESS else 1.0  # membranes of some millivolt, or of some
    for i, v in enumerate(rows):
        row = np.asarray(v / u.volt if isinstance(v, u.Quantity) else v, np.float64)
        name = cells[i].name or f"lif{i}"
        np.testing.assert_allclose(trace.v[name], to_network(row), rtol=0, atol=1e-12 * scale)
        if alive:
            assert 0.01 < trace.spikes[name].mean() < 0.98, (name, trace.spikes[name].mean())
    np.testing.assert_array_equal(trace.output, to_network(np.asarray(fired)))
    return f


def first(values):
    """``(time, batch, *space, channels)`` to channels first; vectors stay."""
    return np.moveaxis(values, -1, 2)
