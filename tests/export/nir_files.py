"""Networks to write as NIR, files of other tools, and ways to damage either."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

from lifexport import errors
from lifexport.export.nir_graph import check_nir, from_nir
from lifexport.graph import Edge
from lifexport.network import FloatNetwork, Input, Output
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense

N = "node/nodes"
DT = 1e-3


def lif(n=2, **given) -> FloatLIF:
    shape = (n,) if isinstance(n, int) else n
    return FloatLIF(**{"shape": shape, "dt": DT, "tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0, **given})


def dense(n_out, n_in, bias=False, seed=0) -> FloatDense:
    rng = np.random.default_rng(seed)
    return FloatDense(weight=rng.normal(size=(n_out, n_in)), bias=rng.normal(size=n_out) if bias else None)


def chain(population=None, bias=False) -> FloatNetwork:
    population = population or lif()
    nodes = {"in": Input(shape=(3,)), "fc": dense(2, 3, bias), "lif": population, "out": Output(shape=(2,))}
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    return FloatNetwork(nodes=nodes, edges=edges, dt=DT)


def recurrent(**given) -> FloatNetwork:
    nodes = {
        "x": Input(shape=(3,)),
        "a.fc": dense(4, 3, True),
        "a.lif": lif(4, tau=[1e-3, 2e-3, 3e-3, 4e-3], v_threshold=[1.0, 2.0, 0.5, 3.0]),
        "a.rec": dense(4, 4, True, seed=1),
        "skip": dense(2, 3, seed=2),
        "lambda": dense(2, 4, seed=3),
        "b": lif(2, v_rest=-0.3, v_reset=-0.5, v_initial=[-0.3, 0.1]),
        "y": Output(shape=(2,)),
    }
    pairs = ["x a.fc", "a.fc a.lif", "a.rec a.lif", "a.lif lambda", "lambda b", "x skip", "skip b", "b y"]
    edges = [Edge(*pair.split()) for pair in pairs] + [Edge("a.lif", "a.rec", delay=1)]
    return FloatNetwork(nodes=nodes, edges=edges, dt=DT, **given)


NETWORKS = {
    "chain": chain(),
    "bias": chain(bias=True),
    "hard, >": chain(lif(reset="value", compare=">")),
    "per neuron": chain(lif(tau=[1e-3, 7.7e-3], r=[0.1, 3.0], v_threshold=[0.3, 1.0], v_reset=[-1.0, 0.25])),
    "rest and initial": chain(lif(v_rest=[-0.065, 0.1], v_initial=[-0.07, 0.1])),
    "negative zero": chain(lif(v_rest=0.0, v_initial=-0.0)),
    "recurrent, branched, renamed": recurrent(readout="membrane_max", state_reset="never"),
    "delay on a straight path": replace(chain(), edges=(Edge("in", "fc"), Edge("fc", "lif", 3), Edge("lif", "out"))),
    "feedback without connection": replace(chain(), edges=(*chain().edges, Edge("lif", "lif", 1))),
    "two dimensions": FloatNetwork(
        nodes={
            "in": Input(shape=(2, 3)),
            "lif": lif((2, 3), tau=np.arange(1.0, 7).reshape(2, 3)),
            "out": Output(shape=(2, 3)),
        },
        edges=(Edge("in", "lif"), Edge("lif", "out")),
        dt=DT,
    ),
    "no dimension": FloatNetwork(
        nodes={"in": Input(shape=()), "lif": lif(()), "out": Output(shape=())},
        edges=(Edge("in", "lif"), Edge("lif", "out")),
        dt=DT,
    ),
}


def codes(path, **kw) -> list[tuple[str, str | None, str | None]]:
    """Code, node and field of everything found in a file; ``from_nir`` refuses it for the same reasons."""
    found = [(f.code, f.node, f.field) for f in check_nir(path, **kw)]
    if any(f.severity == "error" for f in check_nir(path, **kw)):
        with pytest.raises(errors.LifexportError) as caught:
            from_nir(path, **kw)
        assert [(f.code, f.node, f.field) for f in caught.value.findings] == found
    return found


def put(path, place, value):
    with h5py.File(path, "r+") as h:
        del h[place]
        h[place] = value


def edit(path, place, index, value):
    with h5py.File(path, "r+") as h:
        h[place][index] = value


def a(*values, dtype=np.float32):
    return np.array(values, dtype)


def nir_lif(n=2, **given):
    full = {"tau": 0.01, "r": 1.0, "v_leak": 0.5, "v_threshold": 1.0, "v_reset": 0.0}
    return nir.LIF(**{k: np.full((n,) if n else (), v, np.float32) for k, v in (full | given).items()})


def write(path, nodes, edges, **kw) -> Path:
    graph = nir.NIRGraph(nodes, [tuple(edge.split()) for edge in edges], **kw)
    nir.write(path, graph, compression=None)  # compression refuses scalars
    return path
