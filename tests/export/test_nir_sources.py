"""Files of other tools, read as those tools run them: held against what they did (``recorded/record.py``)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nir
import numpy as np
import pytest

from lifexport.export.nir_graph import from_nir
from lifexport.simulation import simulate
from tests.export.nir_files import DT

RECORDED = Path(__file__).parent / "recorded"
_spec = importlib.util.spec_from_file_location("recorded_graphs", RECORDED / "graphs.py")
assert _spec is not None and _spec.loader is not None
graphs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(graphs)


def read(tmp_path, name, **more):
    case = graphs.CASES[name]
    nir.write(tmp_path / "f.nir", graphs.graph(name))
    asked = {"source": case.source, "reset": case.reset, "reset_delay": case.reset_delay}
    return from_nir(tmp_path / "f.nir", dt=case.dt, **asked, **more)


@pytest.mark.parametrize("name", graphs.CASES)
def test_spikes_are_those_of_the_tool(tmp_path, name):
    """All spikes of the last layer, and its membranes to the rounding of the tool's float32."""
    net = read(tmp_path, name)
    x = graphs.inputs(name).astype(np.float64)
    trace = simulate(net, x, record=("spikes", "v_post"))
    with np.load(RECORDED / "spikes.npz") as recorded:
        spikes = recorded[f"{name}/spikes"]
        v = recorded.get(f"{name}/v")
    assert 0.01 < spikes.mean() < 0.6
    assert (trace.spikes["last"] != spikes).sum() == 0
    if v is not None:
        late = name.startswith("snntorch")  # its reset waits for the next step
        ours = (simulate(net, x, record=("v",)).v if late else trace.v_post)["last"][:, 0]
        np.testing.assert_allclose(ours, v, rtol=1e-4, atol=2e-5)


def test_sources_differ(tmp_path):
    """The recorded cases would notice another tool's rules: each other source gives other spikes, or refuses."""
    name = "norse-lif"
    net, x = read(tmp_path, name), graphs.inputs(name).astype(np.float64)
    ours = simulate(net, x, record=("spikes",)).spikes["last"]
    others = {"ode": None, "norse-export": "value"}
    for source, reset in others.items():
        other = from_nir(tmp_path / "f.nir", dt=DT, source=source, reset=reset)
        assert (simulate(other, x, record=("spikes",)).spikes["last"] != ours).any()
