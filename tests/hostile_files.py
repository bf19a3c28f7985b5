"""Files that would hang a reader or flood its memory, by the kind of thing that is wrong with them.

Each maker writes one file of at most some hundred kB (the archives: 4 MB) to a path and returns it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper

Maker = Callable[[Path], Path]
DOMAIN = "ai.lifexport"
OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid(DOMAIN, 1)]


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def unix_socket(path: Path) -> Path:
    here = Path.cwd()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as opened:
        os.chdir(path.parent)  # the name of a socket is short
        try:
            opened.bind(path.name)
        finally:
            os.chdir(here)
    return path


def link_to(device: str) -> Maker:
    def make(path: Path) -> Path:
        path.symlink_to(device)
        return path

    return make


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def text(content: str) -> Maker:
    def make(path: Path) -> Path:
        path.write_text(content)
        return path

    return make


def holes(start: bytes) -> Maker:
    def make(path: Path) -> Path:
        with path.open("wb") as file:
            file.write(start)
            file.truncate(20 << 30)
        return path

    return make


# ONNX


def _onnx(nodes: list, functions: list = (), tensors: list = ()) -> Maker:  # type: ignore[assignment]
    def make(path: Path) -> Path:
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
        graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializer=list(tensors))
        model = helper.make_model(graph, functions=list(functions), opset_imports=OPSETS, ir_version=10)
        entry = model.metadata_props.add()
        entry.key, entry.value = "lifexport", "{}"
        path.write_bytes(model.SerializeToString())
        return path

    return make


def _function(name: str, called: list[tuple[str, str, str]]) -> onnx.FunctionProto:
    nodes = [helper.make_node(f, [a], [b], domain=DOMAIN if f != "Identity" else "") for f, a, b in called]
    return helper.make_function(DOMAIN, name, ["a"], ["b"], nodes, OPSETS)


def _calls(name: str) -> list:
    return [helper.make_node(name, ["x"], ["y"], domain=DOMAIN)]


LAUGHS = [_function("f0", [("Identity", "a", "b")])]
LAUGHS += [_function(f"f{i}", [(f"f{i - 1}", "a", "t"), (f"f{i - 1}", "t", "b")]) for i in range(1, 41)]
WIDE = [
    _function("g0", [("Identity", "a" if i == 0 else f"t{i}", "b" if i == 99 else f"t{i + 1}") for i in range(100)])
]
WIDE += [
    _function(f"g{k}", [(f"g{k - 1}", "a" if i == 0 else f"t{i}", "b" if i == 99 else f"t{i + 1}") for i in range(100)])
    for k in (1, 2, 3)
]
DEEP = [LAUGHS[0], *(_function(f"f{i}", [(f"f{i - 1}", "a", "b")]) for i in range(1, 2000))]
ITSELF = [_function("r", [("r", "a", "b")])]


def _in_row(count: int) -> list:
    names = ["x", *(f"t{i}" for i in range(1, count)), "y"]
    return [helper.make_node("Identity", [a], [b]) for a, b in itertools.pairwise(names)]


def empty_tensors(path: Path) -> Path:
    """A model of a million tensors of two bytes each."""
    inner = b"\x2a\x00" * 1_000_000
    size = len(inner)
    path.write_bytes(b"\x3a" + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + inner)
    return path


def _claiming() -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, raw_data=b"1234")
    tensor.dims.extend([1 << 20, 1 << 20])
    return tensor


# Archives


def zipped(member: bytes, count: int = 1, method: int = zipfile.ZIP_DEFLATED) -> Maker:
    def make(path: Path) -> Path:
        with zipfile.ZipFile(path, "w", method) as archive:
            for i in range(count):
                archive.writestr("x.npy" if i == 0 else f"{i}.npy", member)
        return path

    return make


def header(shape: str, descr: str = "|u1") -> bytes:
    said = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    said += " " * (63 - (10 + len(said)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little") + said.encode()


def bomb(path: Path) -> Path:
    """Zeros, a thousand in a byte; written in pieces, for the writer's own sake."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        member.write(header("(1, 41000000, 6)"))
        for _ in range(246):
            member.write(bytes(1_000_000))
    return path


def overlapping(path: Path) -> Path:
    """Ten thousand members that are the same 200 kB of the file."""
    zipped(header("(1, 200000)") + bytes(200_000), method=zipfile.ZIP_STORED)(path)
    content = path.read_bytes()
    at = content.index(b"PK\1\2")
    entry, end = content[at : content.index(b"PK\5\6")], bytearray(content[content.index(b"PK\5\6") :])
    entries = [entry.replace(b"x.npy", f"{i:05d}".encode()) for i in range(10_000)]
    end[8:10] = end[10:12] = (10_000).to_bytes(2, "little")
    end[12:16] = sum(map(len, entries)).to_bytes(4, "little")
    path.write_bytes(content[:at] + b"".join(entries) + bytes(end))
    return path


def plain_array(start: bytes) -> Maker:
    def make(path: Path) -> Path:
        path.write_bytes(start)
        return path

    return make


# HDF5


def _hdf5(fill: Callable[[h5py.Group], None], edges: object = ()) -> Maker:
    def make(path: Path) -> Path:
        with h5py.File(path, "w", libver="latest") as file:
            file["version"] = b"1.0"
            nodes = file.create_group("node/nodes")
            file["node/type"] = b"NIRGraph"
            file["node/edges"] = (
                np.array([["a", "b"]], dtype=h5py.string_dtype()) if isinstance(edges, tuple) else edges
            )
            fill(nodes)
        return path

    return make


def _node(nodes: h5py.Group, name: str, kind: str = "Linear") -> h5py.Group:
    group = nodes.create_group(name)
    group["type"] = kind.encode()
    return group


def many_chunked(nodes: h5py.Group) -> None:
    for i in range(100):
        _node(nodes, f"n{i}").create_dataset("weight", (4096, 4096), "f8", chunks=(64, 64), compression="gzip")


def huge_chunk(nodes: h5py.Group) -> None:
    made = {"maxshape": (None, None), "chunks": (1 << 10, 1 << 17), "compression": "gzip"}
    _node(nodes, "a").create_dataset("weight", (1, 1), "f8", **made)


def never_written(nodes: h5py.Group) -> None:
    _node(nodes, "a").create_dataset("weight", (1 << 20, 1 << 16), "f8")


def many_groups(nodes: h5py.Group) -> None:
    for i in range(20_000):
        nodes[f"n{i}"] = nodes if i else 1.0


def many_nodes(nodes: h5py.Group) -> None:
    for i in range(1100):
        _node(nodes, f"n{i}", "Input")["shape"] = np.array([1])


def long_kinds(nodes: h5py.Group) -> None:
    first = _node(nodes, "n0", "x" * 60_000)
    for i in range(1, 2000):
        nodes.create_group(f"n{i}")["type"] = first["type"]


def huge_shape(nodes: h5py.Group) -> None:
    _node(nodes, "a", "Input")["shape"] = np.array([1 << 20, 1 << 20])
    _node(nodes, "b", "Output")["shape"] = np.array([1 << 20, 1 << 20])


def wide_scale(nodes: h5py.Group) -> None:
    _node(nodes, "a", "Input")["shape"] = np.array([60_000])
    made = {"compression": "gzip"}
    _node(nodes, "s", "Scale").create_dataset("scale", data=np.ones(60_000), **made)
    lif = _node(nodes, "l", "LIF")
    for field in ("tau", "r", "v_threshold", "v_leak", "v_reset"):
        lif[field] = np.float64(field not in ("v_leak", "v_reset"))
    _node(nodes, "b", "Output")["shape"] = np.array([60_000])


SCALED = np.array([["a", "s"], ["s", "l"], ["l", "b"]], dtype=h5py.string_dtype())


def repeated_text(path: Path) -> Path:
    """Four thousand edges, each of whose names is the same text of 50 kB, stored once."""
    _hdf5(lambda nodes: None, edges=0)(path)
    with h5py.File(path, "r+") as file:
        del file["node/edges"]
        kind = h5py.string_dtype()
        one = file.create_dataset("node/metadata/one", data=np.array(["y" * 50_000], kind), chunks=(1,))
        _, reference = one.id.read_direct_chunk((0,))
        edges = file.create_dataset("node/edges", (4096, 2), kind, chunks=(4096, 2), compression="gzip")
        edges.id.write_direct_chunk((0, 0), zlib.compress(reference * 8192))
    return path


def deep_groups(nodes: h5py.Group) -> None:
    for _ in range(500):
        nodes = nodes.create_group("g")


def circle(nodes: h5py.Group) -> None:
    nodes["again"] = nodes


def outside(nodes: h5py.Group) -> None:
    nodes["a"] = h5py.ExternalLink("/dev/zero", "/")


# Documents


def _network_document(**changes: object) -> str:
    """A document of one input and one population of a shape that is nowhere stored."""
    from nets import random_network

    from lifexport.bundle.intnetwork import to_document

    document = to_document(random_network(2)[0])
    for node in document["nodes"]:
        for key, value in changes.items():
            if key in node:
                node[key] = value
    return json.dumps(document)


def huge_population(path: Path) -> Path:
    scalar = {"dtype": "int8", "shape": [], "base64": "AQ=="}
    path.write_text(_network_document(shape=[1 << 40], threshold=scalar, decay=scalar, bias=scalar, v_initial=scalar))
    return path


FILES: dict[str, tuple[str, Maker]] = {
    **{f"a FIFO as {kind}": (kind, fifo) for kind in (".nir", ".onnx", ".json", ".npz", ".npy", ".toml")},
    **{f"a device as {kind}": (kind, link_to("/dev/zero")) for kind in (".nir", ".onnx", ".json", ".npz", ".npy")},
    "a terminal as .json": (".json", link_to("/dev/tty")),
    "a socket as .nir": (".nir", unix_socket),
    "a folder as .npz": (".npz", folder),
    "functions that double": (".onnx", _onnx(_calls("f40"), LAUGHS)),
    "functions of a hundred calls": (".onnx", _onnx(_calls("g3"), WIDE)),
    "functions 2000 deep": (".onnx", _onnx(_calls("f1999"), DEEP)),
    "a function that calls itself": (".onnx", _onnx(_calls("r"), ITSELF)),
    "20000 nodes": (".onnx", _onnx(_in_row(20_000))),
    "a million empty tensors": (".onnx", empty_tensors),
    "a tensor without its numbers": (".onnx", _onnx(_in_row(1), tensors=[_claiming()])),
    "zeros in an archive": (".npz", bomb),
    "many members": (".npz", zipped(b"", 40_000)),
    "members on top of each other": (".npz", overlapping),
    "bzip2": (".npz", zipped(header("(1, 60000000)") + bytes(60_000_000), method=zipfile.ZIP_BZIP2)),
    "an archive of an array that is not there": (".npz", zipped(header("(1000000, 1000000, 6)"))),
    "an array that is not there": (".npy", plain_array(header("(1000000, 1000000, 6)"))),
    "steps without a sample": (".npy", plain_array(header("(1000000000000, 0, 12)", "<i8"))),
    "an array of objects": (".npy", plain_array(header("(4,)", "|O") + bytes(100))),
    "many chunked data sets": (".nir", _hdf5(many_chunked)),
    "a huge chunk": (".nir", _hdf5(huge_chunk)),
    "a data set never written": (".nir", _hdf5(never_written)),
    "many groups": (".nir", _hdf5(many_groups)),
    "many nodes": (".nir", _hdf5(many_nodes)),
    "long kinds, hard-linked": (".nir", _hdf5(long_kinds)),
    "a shape that nobody stores": (".nir", _hdf5(huge_shape)),
    "a wide scale alone": (".nir", _hdf5(wide_scale, edges=SCALED)),
    "one text many times": (".nir", repeated_text),
    "groups 500 deep": (".nir", _hdf5(deep_groups)),
    "a circle of groups": (".nir", _hdf5(circle)),
    "a link out of the file": (".nir", _hdf5(outside)),
    "a NIR file of holes": (".nir", holes(b"\x89HDF\r\n\x1a\n")),
    "a JSON file of holes": (".json", holes(b'{"a": 1')),
    "an array of holes": (".npy", holes(header("(1, 20000000000)"))),
    "brackets": (".json", text("[" * 1_000_000)),
    "many values": (".json", text("[" + "[]," * 300_000 + "[]]")),
    "many wrong values": (".json", text('{"schema": "lifexport.manifest/1", "files": [' + "1," * 200_000 + "1]}")),
    "a number of a million digits": (".json", text("[" + "9" * 1_000_000 + "]")),
    "a population that nobody stores": (".json", huge_population),
    "TOML brackets": (".toml", text("[fidelity]\na = " + "[" * 100_000)),
}
"""What is wrong -> suffix of the file, and what writes it."""
