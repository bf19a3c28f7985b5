"""All 65,536 states of 16 bits times all 4,097 decays of 12 bits: 268,500,992 products, in every rounding and reader.

The result is held against the conditions of ``specification.py``, in int32, which holds all of these products.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from lifexport.export.onnx_ops import OnnxOps
from lifexport.ops import ROUNDINGS
from lifexport.simulation.jax_ops import JaxOps

from .specification import rounds

pytestmark = pytest.mark.thorough

K, ROWS = 12, 1024
STATES = np.arange(-(1 << 15), 1 << 15, dtype=np.int32).reshape(-1, ROWS, 1)
DECAYS = np.arange((1 << K) + 1, dtype=np.int32)
BOUNDS = {"whole": 1 << 16, "in parts": 1 << 24}
"""A membrane after its reset; and one so wide that its product is formed in parts."""


def wrong(how: str, x, m, q):
    """How many results are not the product rounded as it should be."""
    good = rounds(how, x * m, q, K, jnp.logical_and, jnp.logical_or)
    return (~good).sum(dtype=jnp.int32)


@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
@pytest.mark.parametrize("how", ROUNDINGS)
def test_jax(how, bound):
    @jax.jit
    def count(x, m):
        return wrong(how, x, m, JaxOps().multiply_shift(x, m, K, how, bound))

    assert sum(int(count(x, DECAYS)) for x in STATES) == 0


@pytest.mark.parametrize("how", ROUNDINGS)
def test_onnx(how):
    """In onnxruntime."""
    nodes, initializers = [], {}
    result = OnnxOps("leak", nodes, initializers).multiply_shift("x", "m", K, how, BOUNDS["whole"])
    info = partial(helper.make_tensor_value_info, elem_type=onnx.TensorProto.INT32)
    given, out = [info("x", shape=[ROWS, 1]), info("m", shape=[len(DECAYS)])], [info(result, shape=[ROWS, len(DECAYS)])]
    graph = helper.make_graph(nodes, "leak", given, out, list(initializers.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    count = jax.jit(partial(wrong, how))
    assert sum(int(count(x, DECAYS, session.run(None, {"x": x, "m": DECAYS})[0])) for x in STATES) == 0


def test_a_wrong_result_is_counted():
    x, m = STATES[17], DECAYS
    q = JaxOps().multiply_shift(x, m, K, "half_up", BOUNDS["whole"])
    assert int(wrong("half_up", x, m, q)) == 0 and int(wrong("floor", x, m, q)) > 10**6
    q = np.array(q)
    q[5, 4095] += 1
    assert int(wrong("half_up", x, m, q)) == 1
