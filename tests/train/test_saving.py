from __future__ import annotations

import io
import zipfile

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.errors import FileError, LifexportError, OutputError, ParameterError, ShapeError
from lifexport.train import LIF, Linear, Sequential, load_parameters, save_parameters
from lifexport.train.states import lasting, leaves, values_of


def network(seed: int, hidden: int = 3):
    brainstate.random.seed(seed)
    return Sequential(
        Linear(2, hidden, b_init=brainstate.nn.init.Normal()),
        LIF(hidden),
        Linear(hidden, 2),
    )


NAMES = ["layers.0.weight.bias", "layers.0.weight.weight", "layers.2.weight.weight"]


def numbers(net) -> dict[str, np.ndarray]:
    return {name: np.asarray(u.get_mantissa(value)) for name, value in leaves(values_of(lasting(net))).items()}


def assert_equal(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True)


def test_what_is_saved_is_loaded(tmp_path):
    net, other = network(0), network(1)
    path = save_parameters(net, tmp_path / "net.npz")
    assert path == tmp_path / "net.npz" and [p.name for p in tmp_path.iterdir()] == ["net.npz"]
    with np.load(path, allow_pickle=False) as file:
        assert sorted(file) == NAMES
        assert_equal(dict(file), numbers(net))
    load_parameters(other, path)
    assert_equal(numbers(other), numbers(net))


def test_the_same_parameters_give_the_same_bytes(tmp_path):
    files = [save_parameters(network(0), tmp_path / name).read_bytes() for name in ("a.npz", "b")]
    assert files[0] == files[1]


def test_units_statistics_and_shared_states_are_kept(tmp_path):
    class Net(brainstate.nn.Module):
        def __init__(self, value):
            super().__init__()
            self.norm = brainstate.nn.BatchNorm1d((4, 2))
            self.gain = brainstate.ParamState(jnp.float32(value) * u.mV)
            self.v = brainstate.HiddenState(jnp.zeros(3))
            self.same = self.gain

    net, other = Net(2.0), Net(5.0)
    net.norm.running_mean.value = net.norm.running_mean.value + 1
    path = save_parameters(net, tmp_path / "net.npz")
    with np.load(path) as file:
        assert "gain [mV]" in file and not any(name.split(".")[0] == "v" for name in file)
        assert {"norm.running_mean", "norm.running_var"} <= set(file)
    load_parameters(other, path)
    assert other.gain.value == 2.0 * u.mV
    np.testing.assert_array_equal(other.norm.running_mean.value, net.norm.running_mean.value)
    other.gain.value = jnp.float32(1.0) * u.mA
    with pytest.raises(FileError, match=r"gain \[mV\]: in the file.*(?s:.*)gain \[mA\]: in the network"):
        load_parameters(other, path)


def rewritten(tmp_path, change):
    path = tmp_path / "changed.npz"
    arrays = numbers(network(0))
    change(arrays)
    np.savez(path, **arrays)
    return path


def put(name, make):
    def change(arrays):
        arrays[name] = make(arrays.get(name))

    return change


CHANGES = [
    (lambda a: a.pop(NAMES[1]), FileError, r"LX003.*layers\.0\.weight\.weight: in the network, not in the file"),
    (put("layers.9.weight", lambda _: np.ones(1)), FileError, r"LX003.*layers\.9\.weight: in the file, not"),
    (put(NAMES[0], lambda a: a[:2]), ShapeError, r"LX102.*layers\.0\.weight\.bias: shape \(2,\) in the file, \(3,\)"),
    (put(NAMES[1], lambda a: a.T), ShapeError, r"LX102.*layers\.0\.weight\.weight: shape \(3, 2\)"),
    (put(NAMES[1], lambda a: a.astype(np.float64)), FileError, r"LX003.*type float64 in the file, float32"),
    (put(NAMES[1], lambda a: a.astype(np.int32)), FileError, r"LX003.*type int32"),
    (put(NAMES[2], lambda a: a * np.nan), ParameterError, r"LX101.*layers\.2\.weight\.weight: NaN or infinity"),
    (put(NAMES[2], lambda a: a + np.inf), ParameterError, r"LX101"),
    (put(NAMES[0], lambda a: np.array([object()] * 3)), FileError, r"LX003"),
]


@pytest.mark.parametrize(("change", "kind", "message"), CHANGES)
def test_what_does_not_fit_is_named_and_nothing_changes(tmp_path, change, kind, message):
    net = network(1)
    before = numbers(net)
    with pytest.raises(kind, match=message):
        load_parameters(net, rewritten(tmp_path, change))
    assert_equal(numbers(net), before)


def test_every_misfit_is_named_at_once(tmp_path):
    def change(arrays):
        del arrays[NAMES[0]]
        arrays["more"] = np.ones(1)
        arrays[NAMES[2]] = np.ones(7, np.float32)

    with pytest.raises(LifexportError) as caught:
        load_parameters(network(0), rewritten(tmp_path, change))
    assert {finding.node for finding in caught.value.findings} == {NAMES[0], "more", NAMES[2]}


@pytest.mark.thorough
def test_damaged_files_are_refused_at_every_length_and_byte(tmp_path):
    net = network(1)
    before = numbers(net)
    whole = save_parameters(network(0), tmp_path / "net.npz").read_bytes()
    path = tmp_path / "damaged.npz"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match="LX003"):
            load_parameters(net, path)
    saved = numbers(network(0))
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            load_parameters(net, path)
        except LifexportError:
            assert_equal(numbers(net), before)
        else:  # bytes of the archive that mean nothing, such as dates
            assert_equal(numbers(net), saved)
            load_parameters(net, save_parameters(network(1), tmp_path / "before.npz"))


def test_a_header_that_promises_more_than_there_is_allocates_nothing(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w") as file:
        for name in NAMES:
            data = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                data, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 1 << 10)}
            )
            file.writestr(f"{name}.npy", data.getvalue())
    with pytest.raises(ShapeError, match=r"shape \(1099511627776, 1024\) in the file"):
        load_parameters(network(0), path)


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=r"LX003.*x\.npz"):
        load_parameters(network(0), path)
    with pytest.raises(FileError, match="LX003"):
        load_parameters(network(0), tmp_path)


def test_what_cannot_be_saved_leaves_no_file(tmp_path):
    net = network(0)
    with pytest.raises(OutputError, match="LX002"):
        save_parameters(net, tmp_path / "missing" / "net.npz")
    net.layers[0].weight.value = {**net.layers[0].weight.value, "bias": jnp.array([0, np.nan, 0], jnp.float32)}
    with pytest.raises(ParameterError, match=r"LX101.*layers\.0\.weight\.bias"):
        save_parameters(net, tmp_path / "net.npz")
    net.layers[0].weight.value = {**net.layers[0].weight.value, "bias": jnp.zeros(3, jnp.bfloat16)}
    with pytest.raises(ParameterError, match=r"LX006.*layers\.0\.weight\.bias: type bfloat16"):
        save_parameters(net, tmp_path / "net.npz")
    assert list(tmp_path.iterdir()) == []
