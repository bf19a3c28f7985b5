"""Resources: everything that is exceeded is named at once, one more than fits is too much, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from nets import int_lif, spatial_network

from lifexport.graph import Edge
from lifexport.network import FloatNetwork, IntNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, IntDense, IntInput, Output
from lifexport.targets import Target, load_target, violations

WEIGHT = np.array([[1, 0, 2], [3, 4, 0], [0, 0, 5], [0, 6, 7]])
BACK = np.diag([1, 0, 0, 0])
USED = {
    "neurons": (None, 4),
    "inputs": ("in", 3),
    "outputs": ("lif", 4),
    "fan_in": ("lif", 3),  # the first neuron: two inputs and itself
    "fan_out": ("in", 3),
    "core.neurons": ("lif", 4),
    "core.decays": ("lif", 2),
    "core.thresholds": ("lif", 3),
}


def whole() -> IntNetwork:
    one = Fraction(1)
    lif = int_lif(shape=(4,), decay=[9, 8, 9, 9], threshold=[5, 6, 7, 7], reset_code=5, unit=one)
    nodes = {"in": IntInput(shape=(3,), code=InputCode(kind="spikes")), "lif": lif, "out": Output(shape=(4,))}
    nodes |= {"fc": IntDense(weight=WEIGHT, unit=one), "back": IntDense(weight=BACK, unit=one)}
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "back", 1), Edge("back", "lif"), Edge("lif", "out")]
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3)


def trained() -> FloatNetwork:
    tau, threshold = [9e-3, 8e-3, 9e-3, 9e-3], [0.5, 0.6, 0.7, 0.7]
    lif = FloatLIF(shape=(4,), dt=1e-3, tau=tau, r=1.0, v_threshold=threshold, v_reset=0.0)
    nodes = {"in": Input(shape=(3,)), "lif": lif, "out": Output(shape=(4,))}
    nodes |= {"fc": FloatDense(weight=0.5 * WEIGHT), "back": FloatDense(weight=0.5 * BACK)}
    return FloatNetwork(nodes=nodes, edges=whole().edges, dt=1e-3)


def limited(**limits: int) -> Target:
    document = load_target("fpga-q").document
    core = {name: limits.get(f"core.{name}") for name in ("neurons", "decays", "thresholds")}
    plain = {name: most for name, most in limits.items() if "." not in name}
    return Target(document | {"limits": {"neurons": None, "fan_in": None, **plain, "core": core}})


@pytest.mark.parametrize("network", [whole(), trained()], ids=["integers", "trained"])
@pytest.mark.parametrize("field", USED)
def test_one_more_than_fits_is_too_much(network, field):
    node, used = USED[field]
    assert violations(network, limited(**{field: used})) == []
    if used > 1:
        (finding,) = violations(network, limited(**{field: used - 1}))
        assert (finding.code, finding.node, finding.field) == ("LX203", node, field)
        assert finding.found == f"{used}; target 'fpga-q' has {used - 1}"


@pytest.mark.parametrize("network", [whole(), trained()], ids=["integers", "trained"])
def test_everything_is_told_at_once(network):
    found = {finding.field for finding in violations(network, limited(**dict.fromkeys(USED, 1)))}
    assert found == USED.keys()


def test_a_single_connection_is_named_itself():
    network = whole()
    nodes = {name: node for name, node in network.nodes.items() if name != "back"}
    network = replace(network, nodes=nodes, edges=[e for e in network.edges if "back" not in (e.source, e.target)])
    (finding,) = violations(network, limited(fan_in=1))
    assert (finding.node, finding.field) == ("fc", "fan_in")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("fpga-q", set()),
        ("spinnaker1-unverified", set()),
        ("tinyodin", {"neurons", "fan_in"}),
        ("loihi1-nengo", {"core.neurons", "core.thresholds", "core.decays"}),
        ("xylo-v2", {"neurons", "inputs", "outputs", "fan_out"}),
    ],
)
def test_a_network_too_large_for_every_shipped_chip(name, fields):
    n, one = 1100, Fraction(1)
    lif = int_lif(shape=(n,), decay=np.arange(n), threshold=np.arange(1, n + 1), reset_code=1, unit=one)
    nodes = {"in": IntInput(shape=(300,), code=InputCode(kind="spikes")), "lif": lif, "out": Output(shape=(n,))}
    nodes["fc"] = IntDense(weight=np.ones((n, 300), int), unit=one)
    network = IntNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    assert {finding.field for finding in violations(network, load_target(name))} == fields


@pytest.mark.parametrize("seed", range(3))
def test_synapses_in_space_are_those_of_the_matrix(seed):
    """Convolutions, pools, flattening, a branch, a loop: against the matrix of every way, one input at a time."""
    network, _ = spatial_network(seed)
    fan_in = {name: np.zeros(node.shape, int) for name, node in network.populations.items()}
    fan_out: dict[str, np.ndarray] = {}
    for name, node in network.populations.items():
        for edge in network.incoming(name):
            way = network.way(edge)
            source = network.incoming(way[-1])[0].source
            shape = network.nodes[source].out_shape
            alone = np.eye(int(np.prod(shape)), dtype=int).reshape(-1, *shape)
            for other in reversed(way):
                part = network.nodes[other]
                if hasattr(part, "weight"):
                    part = replace(part, weight=(part.weight != 0).astype(int))
                alone = part.apply(alone)
            fan_in[name] += alone.sum(axis=0)
            fan_out[source] = fan_out.get(source, 0) + alone.reshape(len(alone), -1).sum(axis=1).reshape(shape)
        assert fan_in[name].shape == node.shape
    used = {"fan_in": max(count.max() for count in fan_in.values()), "fan_out": max(c.max() for c in fan_out.values())}
    for field, most in used.items():
        assert violations(network, limited(**{field: int(most)})) == []
        found = violations(network, limited(**{field: int(most) - 1}))
        assert found and {finding.found for finding in found} == {f"{most}; target 'fpga-q' has {most - 1}"}
