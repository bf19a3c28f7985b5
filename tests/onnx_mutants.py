"""Ways to break the ONNX exporter; ``mutants.py`` tries them."""

from __future__ import annotations

from mutant import Mutant

PROOFS = "tests/proofs/test_readers.py"
ONNX = "tests/export/test_onnx_model.py"
STREAM = "tests/export/test_onnx_streaming.py"
ONNX_ALL = "tests/export/test_onnx_targets.py"
ONNX_BACK = "tests/export/test_onnx_restoring.py"
ONNX_QONNX = "tests/export/test_onnx_qonnx.py"
ONNX_FLOAT = "tests/export/test_onnx_float.py"

PORTABLE = "tests/export/test_onnx_portable.py"

ONNX_MUTANTS = [
    Mutant("export/onnx_ops.py", "+ (1 << k) < BIAS", "+ (1 << k) < 2 * BIAS", PROOFS),
    Mutant("export/onnx_ops.py", "if (k > first).any() else shifted", "if False else shifted", ONNX_ALL),
    Mutant("export/onnx_ops.py", "self.number_ratio(1), label", "self.number_ratio(2), label", PROOFS),
    Mutant("export/onnx_ops.py", "if array.size and not array.any():", "if array.size and not array.all():", ONNX),
    Mutant("export/onnx_ops.py", "return x if y in self._zeros else y", "return y", ONNX),
    Mutant("export/onnx_ops.py", "for zero in self._zeros.keys() & set(inputs):", "for zero in ():", ONNX),
    Mutant("export/onnx_ops.py", '"GreaterOrEqual"', '"Greater"', ONNX),
    Mutant("export/onnx_ops.py", "offset = BIAS + ((1 << k) // 2", "offset = BIAS + ((1 << k) // 4", ONNX),
    Mutant(
        "export/onnx_ops.py",
        'self.emit("Div", product, one, label="leak")',
        'self.emit("Div", product, self.number(2 << k), label="leak")',
        ONNX,
    ),
    Mutant("export/onnx_ops.py", '"Round", quotient', '"Floor", quotient', ONNX),
    Mutant("export/onnx_ops.py", '"Clip", x, self.number(lo)', '"Clip", x, self.number(lo + 1)', ONNX),
    Mutant("export/onnx_connections.py", "y = ops.shift_right(y,", "y = (lambda y, *_: y)(y,", ONNX),
    Mutant("export/onnx_step.py", "require_words(self.network, name, node)", "pass", ONNX),
    Mutant("export/onnx_step.py", "return self._steps(name) > INT32", "return False", ONNX),
    Mutant(
        "export/onnx_step.py", "tensors |= {name: queue[step] for", "tensors |= {name: queue[-1 - step] for", ONNX_ALL
    ),
    Mutant(
        "export/onnx_widths.py",
        "node, IntDense | Flatten) or split else FLOAT32_WHOLE",
        "node, IntDense | Flatten) or split else INT32",
        ONNX_ALL,
    ),
    Mutant("export/onnx_connections.py", "and x.dtype in NARROW", "", ONNX_ALL),
    Mutant(
        "export/onnx_ops.py",
        "after = y.word.fit(inner, inner.add(names[0], increment))",
        "after = inner.add(names[0], increment)",
        ONNX_ALL,
    ),
    Mutant("export/onnx_connections.py", "ops.shift_left(y, node.shift)", "y", ONNX),
    Mutant("export/onnx_layerwise.py", 'label="late"), sequence.dtype)', 'label="late"), 6)', ONNX_ALL),
    Mutant("export/onnx_layerwise.py", "*waiting, sequence.name,", "sequence.name, *waiting,", ONNX_ALL),
    Mutant("export/onnx_layerwise.py", "late - edge.delay", "-1 - late", ONNX_ALL),
    Mutant("export/onnx_layerwise.py", "if e.source not in group]", "]", ONNX_ALL),
    Mutant("export/onnx_forms.py", 'outputs != "final"', 'outputs == "trace"', ONNX),
    Mutant("export/onnx_forms.py", '"GreaterOrEqual", start', '"Greater", start', ONNX),
    Mutant("export/onnx_functions.py", 'f"{title(node)}_{sha256', 'f"{title(node)[:3]}_{sha256', ONNX_BACK),
    Mutant(
        "export/onnx_restoring.py", 'lif="function" if model.functions', 'lif="inline" if model.functions', ONNX_BACK
    ),
    Mutant("export/onnx_file.py", "    if missing:", "    if False:", ONNX_BACK),
    Mutant("export/onnx_model.py", "    hide_unused(graph)\n", "", "tests/export/test_onnx_functions.py"),
    Mutant(
        "export/onnx_ops.py", "return self.maximum(self.minimum(x, self.number(hi)), self.number(lo))", "pass", ONNX
    ),
    Mutant("export/onnx_widths.py", "return room.bit_length()", "return room.bit_length() + 1", ONNX_ALL),
    Mutant("export/onnx_packing.py", "weight.max() <= 7", "weight.max() <= 8", ONNX),
    Mutant("export/onnx_external.py", "named != wanted.name", "False", "tests/export/test_onnx_external.py"),
    Mutant(
        "export/onnx_external.py",
        ".tobytes() != chunk.data",
        ".tobytes() is None",
        "tests/export/test_onnx_external.py",
    ),
    Mutant("export/onnx_external.py", "if len(data) != end:", "if False:", "tests/export/test_onnx_external.py"),
    Mutant(
        "export/onnx_external.py",
        "if data[end : chunk.offset].any():",
        "if False:",
        "tests/export/test_onnx_external.py",
    ),
    Mutant("export/onnx_packing.py", "np.where(halves > 7,", "np.where(halves > 8,", ONNX),
    Mutant("export/onnx_qonnx_ops.py", '"half_even": "ROUND"', '"half_even": "FLOOR"', ONNX_QONNX),
    Mutant("export/onnx_qonnx_ops.py", "if bound << fraction > FLOAT32_WHOLE:", "if False:", ONNX_QONNX),
    Mutant("export/onnx_qonnx_ops.py", "bits = hi.bit_length() + 1", "bits = hi.bit_length() + 2", ONNX_QONNX),
    Mutant("export/onnx_qonnx_ops.py", 'if how == "half_up":', "if False:", ONNX_QONNX),
    Mutant("export/onnx_qonnx.py", "            tensor = self._again(maker)", "            pass", ONNX_QONNX),
    Mutant("export/onnx_qonnx_proof.py", "differs = got != right", "differs = got != got", ONNX_QONNX),
    Mutant("export/onnx_neurons.py", "(1 - node.decay) * node.v_rest", "node.decay * node.v_rest", ONNX_FLOAT),
    Mutant("export/onnx_neurons.py", "np.maximum(node.refractory - 1, 0)", "node.refractory", ONNX_FLOAT),
    Mutant("export/onnx_neurons.py", "return node.w_in,", "return node.gain,", ONNX_FLOAT),
    Mutant(
        "export/onnx_neurons.py", "return np.nextafter(threshold, np.float32(np.inf)),", "return threshold,", ONNX_FLOAT
    ),
    Mutant("export/onnx_connections.py", "or edges[0].delay:", "or False:", ONNX_FLOAT),
    Mutant("export/onnx_connections.py", "1 / node.area, np.float32", "1.0, np.float32", ONNX_FLOAT),
    Mutant("export/onnx_float_proof.py", "~(share <= 1)", "share > 1e9", ONNX_FLOAT),
    Mutant("export/onnx_float_proof.py", "differs & known)", "differs & ~known & False)", ONNX_FLOAT),
    Mutant("export/onnx_float_proof.py", "_check_file(label, network, got, whole)", "pass", ONNX_FLOAT),
    Mutant("export/onnx_model.py", "if not _keeps(array) or", "if", ONNX_FLOAT),
    Mutant("export/onnx_verify.py", "spikes.sum(axis=0)", "spikes.sum(axis=0) + 1", ONNX),
    Mutant("export/onnx_streaming.py", "self._now = 1 - self._now", "self._now = 0", STREAM),
    Mutant("export/onnx_streaming.py", "self._bound(session, here, 1 - here)", "self._bound(session, 0, 1)", STREAM),
    Mutant("export/onnx_streaming.py", "            self.network.check_codes(x)\n", "", STREAM),
    Mutant("export/onnx_portable_ops.py", "self._plus(rest, SMALL)", "rest", PORTABLE),
    Mutant("export/onnx_portable_ops.py", "for _ in range(2):", "for _ in range(0):", PORTABLE),
    Mutant("export/onnx_portable_ops.py", "1 << (left - 1)", "1 << left", PORTABLE),
    Mutant("export/onnx_model.py", '"scan": [e for e in network.edges if e.delay]', '"scan": []', PORTABLE),
]
