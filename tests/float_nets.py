"""Float networks that live, without training."""

from __future__ import annotations

import numpy as np

from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, Output

DT = 1e-3


def float_lif(rng: np.random.Generator, n: int, **fixed) -> FloatLIF:
    """Neurons with parameters of their own: rest and reset off zero, time constants of 5..20 ms."""
    return FloatLIF(
        **{
            "shape": (n,),
            "dt": DT,
            "tau": rng.uniform(5e-3, 20e-3, n),
            "r": rng.uniform(0.5, 2.0, n),
            "v_threshold": rng.uniform(0.8, 1.2, n) - 0.3,
            "v_reset": np.full(n, -0.4),
            "v_rest": np.full(n, -0.3),
            "v_initial": np.full(n, -0.3),
            **fixed,
        }
    )


def float_network(seed: int = 0, *, recurrent: bool = False, **fixed) -> tuple[FloatNetwork, np.ndarray]:
    """12-9-5 neurons with biases, and spike inputs ``(40, 6, 12)`` that make every layer fire."""
    rng = np.random.default_rng(seed)
    nodes = {
        "in": Input(shape=(12,)),
        "fc0": FloatDense(weight=rng.normal(1.5, 3.0, (9, 12)), bias=rng.normal(0, 0.5, 9)),
        "hidden": float_lif(rng, 9, **fixed),
        "fc1": FloatDense(weight=rng.normal(3.0, 6.0, (5, 9))),
        "last": float_lif(rng, 5, **fixed),
        "out": Output(shape=(5,)),
    }
    edges = [Edge("in", "fc0"), Edge("fc0", "hidden"), Edge("hidden", "fc1"), Edge("fc1", "last"), Edge("last", "out")]
    if recurrent:
        nodes["back"] = FloatDense(weight=rng.normal(-1.0, 2.0, (9, 9)))
        edges += [Edge("hidden", "back", delay=1), Edge("back", "hidden")]
    x = (rng.random((40, 6, 12)) < 0.3).astype(np.float64)
    return FloatNetwork(nodes=nodes, edges=edges, dt=DT), x
