"""Portable ONNX files: exact in onnxruntime and onnx.reference like all others; OpenVINO has a test of its own."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from float_nets import float_network
from interop.test_old_onnxruntime import networks
from interop.test_openvino import chips

import lifexport as lx
from lifexport.errors import LifexportError

CASES = [case for case in networks() if not case[0].startswith("floor, s") and "beyond" not in case[0]]


@pytest.mark.parametrize(("name", "q", "codes"), CASES, ids=[name for name, *_ in CASES])
def test_they_are_proved_as_others_are(name, q, codes, tmp_path):
    """Every rounding and overflow, at the edges: ``to_onnx`` runs the file in two runtimes, and restores it."""
    late = any(edge.delay for edge in q.edges)
    path = lx.to_onnx(q, tmp_path / "p.onnx", form="step" if late else "scan", portable=True, inputs=codes).path
    assert lx.same(lx.from_onnx(path), q)
    assert not {node.op_type for node in _nodes(path)} & {"Mod", "GreaterOrEqual", "Clip"}


def _nodes(path):
    """Nodes of the step."""
    graph = onnx.load(path).graph
    bodies = [a.g for node in graph.node if node.op_type == "Scan" for a in node.attribute if a.name == "body"]
    return bodies[0].node if bodies else graph.node


def test_late_edges_need_a_form_that_is_read_right(tmp_path):
    q = next(q for name, q, _ in CASES if any(edge.delay for edge in q.edges))
    for form in ("scan", "layerwise"):
        with pytest.raises(LifexportError, match=r'LX401.*portable.*form="step"'):
            lx.to_onnx(q, tmp_path / "p.onnx", form=form, portable=True)


def test_chips(tmp_path):
    written = 0
    for name, q, codes in chips():
        try:
            lx.to_onnx(q, tmp_path / "p.onnx", form="step", portable=True, inputs=codes)
            written += 1
        except LifexportError as refused:
            assert refused.code == "LX302" and "portable" in str(refused), name
    assert written > 5


def test_what_has_no_portable_form(tmp_path):
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    for network, options, said in (
        (f, {}, "FloatNetwork"),
        (q, {"dialect": "qonnx", "form": "step"}, "qonnx"),
        (q, {"lif": "function"}, "function"),
    ):
        with pytest.raises(LifexportError, match=rf"LX401.*{said}.*portable"):
            lx.to_onnx(network, tmp_path / "p.onnx", portable=True, **options)
    assert not [*tmp_path.iterdir()]


def test_an_edited_word_is_found(tmp_path):
    """A file that says it is portable and is not, is not ours."""
    f, x = float_network(1)
    path = lx.to_onnx(lx.quantize(f, "fpga-q", calibration=x), tmp_path / "p.onnx", lif="inline").path
    model = onnx.load(path)
    model.metadata_props[0].value = model.metadata_props[0].value.replace('"nodes"', '"portable":true,"nodes"', 1)
    onnx.save(model, path)
    with pytest.raises(LifexportError, match="LX403"):
        lx.from_onnx(path)
    assert np.all([entry.key == "lifexport" for entry in model.metadata_props])
