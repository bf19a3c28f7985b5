from __future__ import annotations

import dataclasses
import json

import h5py
import nir
import numpy as np
import pytest

import lifexport as lx
from lifexport import errors
from lifexport.export import nir_int_proving, provenance
from lifexport.export.nir_integers import DOMAINS, as_float, lost
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import FloatIAF, IntLIF
from lifexport.neurons.rules import Current, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from tests.exact_nets import EXACT as CASES
from tests.exact_nets import exact_network
from tests.float_nets import float_network
from tests.nets import edge_network, random_network, spatial_network
from tests.wild_nets import wild_network, wild_spatial_network

WIDE = Word.signed(24)


def chain(weight=None, *, bits=8, shift=0, rules=None, code=None, delay=0, **fields) -> IntNetwork:
    """Two inputs, two neurons; 3 of 4 parts of the membrane are kept unless told otherwise."""
    rules = rules or Rules(membrane=WIDE, leak=Leak(bits=2))
    given = {"decay": 3, "threshold": 8, "reset_code": 8, "unit": 1, **fields}
    nodes = {
        "in": IntInput(shape=(2,), code=code or InputCode(kind="spikes")),
        "fc": IntDense(
            weight=np.array([[5, -3], [4, 7]]) if weight is None else weight,
            weight_bits=bits,
            shift=shift,
            unit=2**shift,
        ),
        "lif": IntLIF(shape=(2,), rules=rules, **given),
        "out": Output(shape=(2,)),
    }
    return IntNetwork(nodes=nodes, edges=[Edge("in", "fc", delay), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


def spikes_agree(q: IntNetwork, domain: str) -> bool:
    _, differing, _ = nir_int_proving.measured(q, as_float(q, domain), domain)
    return differing == 0


# Without rounding and overflow: the same spikes and membranes

KEEPS_ALL = Rules(membrane=WIDE, leak=Leak(kind="none"))
EXACT = {
    "integrator": chain(rules=KEEPS_ALL, decay=0),
    "value": chain(rules=dataclasses.replace(KEEPS_ALL, reset="value"), decay=0, reset_code=-2),
    "above": chain(rules=dataclasses.replace(KEEPS_ALL, compare=">"), decay=0),
    "nothing kept": chain(rules=Rules(membrane=WIDE, leak=Leak(bits=2)), decay=0),
    "all kept, some nothing": chain(decay=[0, 4]),
    "bias": chain(rules=KEEPS_ALL, decay=0, bias=[1, -1]),
    "bias beside shifted weights": chain(rules=KEEPS_ALL, decay=0, bias=[3, -1], shift=1),
    "current, decayed after its input": chain(
        rules=Rules(
            membrane=WIDE,
            leak=Leak(kind="none"),
            current=Current(word=WIDE, leak=Leak(bits=1), when="after_input"),
        ),
        decay=0,
        current_decay=[[2, 0]],
    ),
    "initial": chain(rules=KEEPS_ALL, decay=0, v_initial=[7, 8]),
    "reset at once": chain(rules=dataclasses.replace(KEEPS_ALL, reset_when="step_end"), decay=0),
    "late spikes": chain(rules=dataclasses.replace(KEEPS_ALL, judged="next_step_start"), decay=0),
    "late edge": chain(rules=KEEPS_ALL, decay=0, delay=3),
    "counts": chain(rules=KEEPS_ALL, decay=0, code=InputCode(kind="counts", bits=4)),
    "one by one": chain(rules=dataclasses.replace(KEEPS_ALL, accumulate="per_event"), decay=0),
    "refractory": chain(
        rules=dataclasses.replace(KEEPS_ALL, refractory=True, waits_at="membrane"), decay=0, refractory=[0, 3]
    ),
    "current": chain(
        rules=Rules(membrane=WIDE, leak=Leak(kind="none"), current=Current(word=WIDE, leak=Leak(bits=1))),
        decay=0,
        current_decay=[[0, 2]],
    ),
}


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("name", EXACT)
def test_what_neither_rounds_nor_overflows_is_the_same(tmp_path, name, domain):
    q = EXACT[name]
    result = lx.to_nir(q, tmp_path / "m.nir", domain=domain)
    assert "\nrun in real numbers: 0 of" in "\n" + "\n".join(result.proofs)
    assert lx.same(lx.from_nir(result.path), q)
    codes = np.random.default_rng(0).integers(0, 2, (40, 3, 2))
    want = lx.simulate(q, codes, record=("v",), backend="reference")
    have = lx.simulate(as_float(q, domain), codes.astype(float), record=("v",))
    assert 0.05 < want.output.mean() < 0.95
    lag = q.latency
    np.testing.assert_array_equal(want.output[lag:], have.output[: len(codes) - lag])
    if name != "late spikes":
        shift = lag if name == "late edge" else 0
        np.testing.assert_allclose(have.v["lif"][: len(codes) - shift], want.v["lif"][shift:], atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_volts_and_codes_are_the_same_network(seed):
    q = lx.quantize(float_network(seed)[0], "fpga-q", calibration=float_network(seed)[1], weight_bits=6)
    codes = q.encode(float_network(seed)[1]).codes
    real, integer = as_float(q, "real"), as_float(q, "integer")
    a = lx.simulate(real, codes * float(q.input_code.unit), record=("v",))
    b = lx.simulate(integer, codes.astype(float), record=("v",))
    for name, node in q.populations.items():
        np.testing.assert_allclose(a.v[name], node.v_rest + b.v[name] * node.volt, atol=1e-9)
    np.testing.assert_array_equal(a.output, b.output)


# Every code comes back


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("make", [random_network, edge_network, spatial_network, wild_network, wild_spatial_network])
def test_random_networks_come_back_or_are_refused(tmp_path, make, seed):
    q, _ = make(seed)
    domain = DOMAINS[seed % 2]
    try:
        result = lx.to_nir(q, tmp_path / "m.nir", domain=domain)
    except errors.UnsupportedError as refused:
        assert {f.code for f in refused.findings} == {"LX401"}
        assert not list(tmp_path.iterdir())
        return
    assert lx.same(lx.from_nir(result.path), q)
    assert lx.check(result.path).findings == result.findings
    assert lx.to_nir(q, tmp_path / "b.nir", domain=domain, verify=False).sha256 == result.sha256
    nir.read(result.path)


def test_many_of_them_are_written(tmp_path):
    for seed in range(20):
        lx.to_nir(random_network(seed)[0], tmp_path / "m.nir", verify=False)


@pytest.mark.parametrize("profile", ["norse", "sinabs", "rockpool", "spinnaker2", "snntorch", "lava"])
def test_for_an_importer(tmp_path, profile):
    reset = "value" if profile in ("snntorch", "lava") else "subtract"
    net, x = float_network(0, v_reset=np.array(-0.3), tau=np.array(8e-3), reset=reset)
    q = lx.quantize(net, "fpga-q", calibration=x, weight_bits=6)
    result = lx.to_nir(q, tmp_path / "m.nir", profile=profile)
    assert lx.same(lx.from_nir(result.path), q)
    assert len(result.proofs) == 3 and "0 spikes differ" in result.proofs[1]
    assert (tmp_path / "m.nir.txt").exists()
    assert lx.check(result.path).findings == result.findings
    integer = lx.to_nir(q, tmp_path / "i.nir", profile=profile, domain="integer").path
    kinds = {node.weight.dtype.kind for node in nir.read(integer).nodes.values() if hasattr(node, "weight")}
    assert kinds == ({"i"} if profile == "sinabs" else {"f"}), "others multiply inputs by dt / tau"


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("case", CASES)
def test_what_targets_hold_is_written(tmp_path, case, domain):
    """Nets that a target holds exactly: where its leak does not round, readers of real numbers give the same spikes."""
    target, kind, fields, choices = CASES[case]
    f, x = exact_network(kind, **fields)
    q = lx.quantize(f, target, calibration=x, **choices)
    try:
        result = lx.to_nir(q, tmp_path / "m.nir", domain=domain)
    except errors.UnsupportedError as refused:
        assert "start above" in case and "a late reset" in str(refused)
        return
    assert lx.same(lx.from_nir(result.path), q)
    if kind is FloatIAF:
        assert "run in real numbers: 0 of" in result.proofs[-1] and "roundings" not in result.proofs[-1]


def test_weights_are_stored_as_integers(tmp_path):
    for top, dtype in ((127, np.int8), (128, np.int16), (40000, np.int32)):
        q = chain(np.array([[top, -1], [0, 1]]), bits=24)
        graph = nir.read(lx.to_nir(q, tmp_path / "m.nir").path)
        assert graph.nodes["fc"].weight.dtype == dtype
    small = lx.to_nir(chain(np.ones((2, 2), int)), tmp_path / "a.nir")
    assert small.findings[0].code == "LX415"


def test_what_is_left_out_is_told():
    q = chain(delay=2)
    assert [(f.node, f.field) for f in lost(q)] == [("lif", "decay"), ("lif", "membrane"), (None, "delay")]
    assert [(f.node, f.field) for f in lost(EXACT["integrator"])] == [("lif", "membrane")]
    dropped = dataclasses.replace(q.nodes["fc"], drop=1)
    nodes = {**q.nodes, "fc": dropped, "lif": dataclasses.replace(q.nodes["lif"], unit=2)}
    assert ("fc", "drop") in [(f.node, f.field) for f in lost(dataclasses.replace(q, nodes=nodes))]


# Refused

REFUSED = {
    "linear": (chain(rules=Rules(membrane=WIDE, leak=Leak(kind="linear"))), "a linear leak"),
    "several": (chain(rules=Rules(membrane=WIDE, max_spikes=3)), "up to 3 spikes"),
    "any": (chain(rules=Rules(membrane=WIDE, max_spikes=None)), "any number of"),
    "no leak on fire": (chain(rules=Rules(membrane=WIDE, leak_on_fire=False)), "do not leak"),
    "reset above": (chain(reset_code=-1), "not below threshold"),
    "waits at zero": (chain(rules=Rules(membrane=WIDE, refractory=True), refractory=4), "wait at zero"),
    "alias": (chain(alias=[1, -1]), "each other's spikes"),
    "bias behind a current": (
        chain(rules=Rules(membrane=WIDE, current=Current(word=WIDE, leak=Leak())), bias=1, current_decay=2048),
        "behind a synaptic current",
    ),
    "late start": (chain(rules=Rules(membrane=WIDE, reset_when="step_end"), v_initial=9), "a late reset"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rules_that_nir_does_not_have(tmp_path, name):
    q, reason = REFUSED[name]
    with pytest.raises(errors.UnsupportedError, match=reason):
        lx.to_nir(q, tmp_path / "m.nir")
    assert not list(tmp_path.iterdir())


def test_ways_that_only_delays_balance(tmp_path):
    q = chain()
    nodes = {**q.nodes, "skip": q.nodes["fc"]}
    edges = [*q.edges, Edge("in", "skip", 1), Edge("skip", "lif")]
    with pytest.raises(errors.UnsupportedError, match="1 steps late on one way"):
        lx.to_nir(dataclasses.replace(q, nodes=nodes, edges=tuple(edges)), tmp_path / "m.nir")


def test_options(tmp_path):
    with pytest.raises(errors.ParameterError, match=r"LX006.*domain 'volts'"):
        lx.to_nir(chain(), tmp_path / "m.nir", domain="volts")
    with pytest.raises(errors.ParameterError, match=r"LX006.*for a FloatNetwork"):
        lx.to_nir(float_network(0)[0], tmp_path / "m.nir", domain="real")
    path = lx.to_nir(chain(), tmp_path / "m.nir").path
    assert [f.code for f in lx.check(path, target="fpga-q").findings] == ["LX006"]


# Edited files


@pytest.fixture
def file(tmp_path):
    return lx.to_nir(chain(bias=[1, 0]), tmp_path / "m.nir", profile="norse").path


@pytest.mark.parametrize(("place", "where"), [("fc/weight", "fc.weight"), ("lif/r", "lif.r"), ("fc/bias", "fc.bias")])
def test_edited_arrays_are_found(file, place, where):
    with h5py.File(file, "r+") as content:
        stored = content[f"node/nodes/{place}"]
        stored[...] = np.asarray(stored) + 1
    with pytest.raises(errors.MismatchError, match=f"LX403.*{where}"):
        lx.from_nir(file)


def test_edited_edges_are_found(file):
    with h5py.File(file, "r+") as content:
        edges = content["node/edges"]
        edges[0] = edges[1]
    with pytest.raises(errors.MismatchError, match=r"LX403.*edges"):
        lx.from_nir(file)


def rewrite(file, change) -> None:
    with h5py.File(file, "r+") as content:
        place = content["node/metadata"]
        record = json.loads(place[provenance.KEY][()])
        change(record)
        del place[provenance.KEY]
        place[provenance.KEY] = json.dumps(record)


CHANGES = {
    "threshold": lambda r: r["nodes"]["lif"]["values"].update(threshold={"shape": [], "hex": [(9.0).hex()]}),
    "factor": lambda r: r["weights"]["fc"].update(factors=[(0.5).hex()]),
    "no factor": lambda r: r["weights"].clear(),
    "infinite factor": lambda r: r["weights"]["fc"].update(factors=["inf"]),
    "no weights": lambda r: r.update(weights=None),
    "another node": lambda r: r["weights"]["fc"].update(node="lif"),
    "rounding": lambda r: r["nodes"]["lif"]["fields"]["rules"]["leak"].update(rounding="half_up"),
    "kind": lambda r: r["nodes"]["fc"].update(kind="LIF"),
    "huge": lambda r: r["nodes"]["lif"]["arrays"]["decay"].update(shape=[1 << 40]),
    "target": lambda r: r.update(target="loihi"),
    "delay": lambda r: r["edges"][0].__setitem__(2, 1),
    "profile": lambda r: r.update(profile="snntorch"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_edited_records_are_found(file, name):
    rewrite(file, CHANGES[name])
    with pytest.raises(errors.LifexportError) as caught:
        lx.from_nir(file)
    assert {f.code for f in caught.value.findings} <= {"LX003", "LX403", "LX102", "LX106", "LX107", "LX204"}
    assert not lx.check(file).ok


def test_a_newer_record(file):
    rewrite(file, lambda record: record.update(schema="lifexport.provenance/9"))
    with pytest.raises(errors.FileError, match="LX004"):
        lx.from_nir(file)
