"""Trained networks that a target expresses without any loss: weights on its grid, decays it has, potentials it has.

What is left between such a network and its integers is the rounding of the leak.
"""

from __future__ import annotations

import numpy as np

from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLIF
from lifexport.nodes import FloatDense, Input, Output

DT = 1e-3


def tau(decay: float) -> float:
    """Time constant of a decay per step."""
    return -DT / np.log(decay)


def exact_network(kind, *, last: int = 127, strength: float = 0.3517, recurrent=False, skip=False, seed=0, **fields):
    """12-16-6 neurons; ``last`` is the largest weight code, ``strength`` the largest weight in thresholds.

    Where ``strength / last`` is a power of two, potentials meet thresholds exactly, in float64 too.

    ``fields`` may be functions of the number of neurons. Returns the network and inputs ``(60, 6, 12)``.
    """
    rng = np.random.default_rng(seed)
    sizes = {"a": 16, "b": 6}

    def population(n: int):
        given = {"shape": (n,), "dt": DT, "v_threshold": 1.0, "v_reset": 0.0} | fields
        return kind(**{field: value(n) if callable(value) else value for field, value in given.items()})

    nodes = {"in": Input(shape=(12,)), "out": Output(shape=(6,)), **{name: population(n) for name, n in sizes.items()}}

    def weights(target: str, inputs: int) -> FloatDense:
        node = nodes[target]
        codes = np.rint(rng.normal(0.15, 0.35, (sizes[target], inputs)).clip(-1, 1) * last)
        codes[0, 0] = last
        volt = codes / last * strength * np.max(node.v_threshold - node.v_rest)
        gain = node.gain * (node.w_in if isinstance(node, FloatCubaLIF) else 1.0)
        return FloatDense(weight=volt / gain[:, None])

    nodes |= {"fa": weights("a", 12), "fb": weights("b", 16)}
    pairs = ["in fa", "fa a", "a fb", "fb b", "b out"]
    edges = [Edge(*pair.split()) for pair in pairs]
    if recurrent:
        nodes["back"] = weights("a", 16)
        edges += [Edge("a", "back", 1), Edge("back", "a")]
    if skip:
        nodes["skip"] = weights("b", 12)
        edges += [Edge("in", "skip"), Edge("skip", "b")]
    x = (rng.random((60, 6, 12)) < 0.15).astype(np.float64)
    return FloatNetwork(nodes=nodes, edges=edges, dt=DT), x


LIF = {"r": 1.0, "tau": tau(3700 / 4096)}
HARD = LIF | {"reset": "value"}
CUBA = LIF | {"tau_syn": tau(2900 / 4096)}
SHIFTS = {"r": 1.0, "tau": tau(7 / 8)}
IAF = {"r": 1e3, "strength": 127 / 512}  # exact ties with the threshold
IAF_63 = {"r": 1e3, "strength": 63 / 256, "last": 63}
SPIKES = {"approximate": ("spikes",)}

EXACT = {
    "fpga-q, soft, branch, loop": ("fpga-q", FloatLIF, LIF | {"recurrent": True, "skip": True}, {"state_bits": 24}),
    "fpga-q, rest and reset": (
        "fpga-q",
        FloatLIF,
        HARD | {"v_rest": -0.5, "v_reset": -0.7, "v_initial": -0.2},
        {"state_bits": 24},
    ),
    "fpga-q, refractory": ("fpga-q", FloatLIF, HARD | {"refractory": 3}, {"state_bits": 24}),
    "fpga-q, current": ("fpga-q", FloatCubaLIF, CUBA | {"strength": 0.2013}, {"state_bits": 24}),
    "fpga-q, integrators": ("fpga-q", FloatIAF, IAF, {"state_bits": 24}),
    "lava, branch, loop": ("loihi-lava", FloatLIF, HARD | {"recurrent": True, "skip": True}, {}),
    "lava, current": (
        "loihi-lava",
        FloatCubaLIF,
        CUBA | {"reset": "value", "last": 63, "strength": 0.2013},
        {"weight_bits": 8},
    ),
    "lava, integrators": ("loihi-lava", FloatIAF, IAF | {"reset": "value"}, {}),
    "lava, greater than": ("loihi-lava", FloatIAF, IAF_63 | {"reset": "value", "compare": ">"}, {"weight_bits": 8}),
    "nengo, refractory, taus": (
        "loihi1-nengo",
        FloatLIF,
        HARD | {"refractory": 3, "tau": lambda n: tau(np.arange(3900, 3900 - 50 * n, -50) / 4096)},
        {},
    ),
    "nengo, current": ("loihi1-nengo", FloatCubaLIF, CUBA | {"reset": "value", "strength": 0.2013}, {}),
    "nengo, integrators, loop": ("loihi1-nengo", FloatIAF, IAF | {"reset": "value", "recurrent": True}, {}),
    "spikerplus, hard": (
        "spikerplus",
        FloatLIF,
        SHIFTS | {"reset": "value", "last": 32767},
        {"weight_bits": 16, "state_bits": 24},
    ),
    "sinabs, soft": ("sinabs-iaf", FloatIAF, IAF, {}),
    "sinabs, loop": ("sinabs-iaf", FloatIAF, IAF | {"recurrent": True, "skip": True}, {}),
    "sinabs, zero": ("sinabs-iaf", FloatIAF, IAF | {"reset": "value"}, {}),
    "sinabs, start above the threshold": ("sinabs-iaf", FloatIAF, IAF | {"v_initial": 1.5}, {}),
    "sinabs, start above, zero": ("sinabs-iaf", FloatIAF, IAF | {"v_initial": 1.5, "reset": "value"}, {}),
}
"""Networks that a target holds exactly: its name, kind of neurons, their fields, and choices to quantize them by."""

KINDS = {"LIF": FloatLIF, "IAF": FloatIAF, "CubaLIF": FloatCubaLIF}
