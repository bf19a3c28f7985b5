"""Break the code on purpose, one rule at a time, and see that the tests notice: python tests/mutants.py [word ...]

Each mutant is a copy of the tree with one text replaced; its tests, which pass without it, must fail. Words select
mutants by file or text. Prints every mutant's fate and exits with the number of survivors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AGREE = "tests/simulation/test_backends_agree.py"
STEP = "tests/neurons/test_lif.py"
OPS = "tests/test_ops.py"
ONNX = "tests/export/test_onnx_model.py"
QUANT = "tests/test_quantization.py"
TRAIN = "tests/train/test_lif.py"
NIR = "tests/export/test_nir_graph.py"
READING = "tests/export/test_nir_reading.py"
FIDELITY = "tests/fidelity/test_comparing.py"


@dataclass(frozen=True)
class Mutant:
    file: str
    old: str
    new: str
    tests: str


MUTANTS = [
    # The integer step
    Mutant(
        "neurons/lif.py",
        'StepResult(LIFState(v), ops.ge(v, ops.const(self.threshold, "threshold")), v)',
        'StepResult(LIFState(v), ops.ge(v, ops.add(ops.const(self.threshold, "threshold"), 1)), v)',
        STEP,
    ),
    Mutant("neurons/lif.py", 'code if self.reset == "subtract" else ops.sub(v, code)', "code", STEP),
    Mutant("neurons/lif.py", 'ops.add(current, ops.const(self.bias, "bias"))', "current", STEP),
    Mutant("neurons/lif.py", "v = self.after_reset(ops, state.v)\n", "v = state.v\n", STEP),
    Mutant("neurons/lif.py", '(ops.saturate if self.overflow == "saturate" else ops.wrap)', "ops.saturate", STEP),
    # The operations: definition, JAX, ONNX
    Mutant("ops.py", "return (product + half) // one", "return (product + half - 1) // one", OPS),
    Mutant("ops.py", "below % 2 == 1", "below % 2 == 0", OPS),
    Mutant("ops.py", "return np.sign(product) * (np.abs(product) // one)", "return product // one", OPS),
    Mutant("ops.py", "np.clip(x, -(1 << (bits - 1))", "np.clip(x, -(1 << (bits - 1)) + 1", OPS),
    Mutant("simulation/jax_ops.py", "up = negative & (rest != 0)", "up = negative", OPS),
    Mutant("simulation/jax_ops.py", "up = 2 * rest >= one", "up = 2 * rest > one", OPS),
    Mutant("simulation/jax_ops.py", "below & 1 == 1", "below & 1 == 0", OPS),
    Mutant("simulation/jax_ops.py", "if bound * one <= INT32:", "if True:", OPS),
    Mutant("simulation/jax_ops.py", "(x << (32 - bits)) >> (32 - bits)", "x & ((1 << bits) - 1)", OPS),
    Mutant("export/onnx_ops.py", '"GreaterOrEqual"', '"Greater"', ONNX),
    Mutant("export/onnx_ops.py", "offset = BIAS + ((1 << k) // 2", "offset = BIAS + ((1 << k) // 4", ONNX),
    Mutant(
        "export/onnx_ops.py",
        'self.emit("Div", product, one, label="leak")',
        'self.emit("Div", product, self.number(2 << k), label="leak")',
        ONNX,
    ),
    Mutant("export/onnx_ops.py", '"Round", quotient', '"Floor", quotient', ONNX),
    Mutant("export/onnx_ops.py", '"Clip", x, lo, hi', '"Clip", x, self.number(1 - (1 << (bits - 1))), hi', ONNX),
    Mutant("export/onnx_model.py", "zeros = np.zeros(shape, np.uint8)", "zeros = np.ones(shape, np.uint8)", ONNX),
    Mutant("export/onnx_model.py", "ops.shift_left(y, node.shift)", "y", ONNX),
    # The simulators
    Mutant("simulation/fast.py", "return joined[: len(sequence)]", "return joined[-len(sequence) :]", AGREE),
    Mutant("simulation/fast.py", "return y.astype(jnp.int32) << shift", "return y.astype(jnp.int32)", AGREE),
    Mutant("simulation/fast.py", "<= FLOAT32_WHOLE else np.int32", "<= 2**40 else np.int32", AGREE),
    Mutant("simulation/fast.py", "return np.int8\n", "return np.float16\n", AGREE),
    Mutant(
        "simulation/stepwise.py",
        "arriving = [delayed[e][0] if e.delay else",
        "arriving = [delayed[e][-1] * 0 if e.delay else",
        "tests/simulation/test_stepwise.py",
    ),
    # Quantization
    Mutant("quantization.py", 'threshold + float(unit) if node.compare == ">" else threshold', "threshold", QUANT),
    Mutant("quantization.py", "if shift > most:", "if False:", QUANT),
    Mutant("quantization.py", "lost = (codes == 0) | (codes == one)", "lost = codes == one", QUANT),
    Mutant("quantization.py", "dense.weight * node.gain[:, None]", "dense.weight", QUANT),
    Mutant("quantization.py", "dense.bias * node.gain", "dense.bias", QUANT),
    Mutant("quantization.py", "codes = np.rint(decay * one)", "codes = np.floor(decay * one)", QUANT),
    Mutant("quantization.py", "node.v_initial - node.v_rest", "node.v_initial", QUANT),
    Mutant("quantization.py", "drop if node.reset", "threshold if node.reset", QUANT),
    Mutant("fixedpoint.py", "return np.rint(", "return np.floor(0.5 + ", "tests/test_fixedpoint.py"),
    Mutant("bounds.py", "return node.reset_bound() + 1 + arriving", "return arriving", "tests/test_bounds.py"),
    # Training
    Mutant("train/lif.py", "(top - self.V_reset) * spikes", "top * spikes", TRAIN),
    Mutant("train/lif.py", "spikes = self.get_spike(before)", "spikes = 0 * self.get_spike(before)", TRAIN),
    Mutant("train/lif.py", "jax.lax.stop_gradient(before)", "before", TRAIN),
    Mutant("train/lif.py", "-v + self.V_rest + self.R", "-v + self.R", TRAIN),
    Mutant("train/surrogate.py", "(x >= 0).astype", "(x > 0).astype", "tests/train/test_surrogate.py"),
    # Files and report
    Mutant("export/nir_graph.py", "v_reset=node.v_reset[()]", "v_reset=node.v_rest[()]", NIR),
    Mutant("export/nir_reading.py", "places = provenance.changed(fields, network)", "places = []", READING),
    Mutant("fidelity/running.py", "d.step, order[d.node]", "-d.step, order[d.node]", FIDELITY),
    Mutant("fidelity/running.py", "int((a & b).sum(", "int((a | b).sum(", FIDELITY),
    Mutant("fidelity/parameters.py", "* target.gain[:, None]", "* 1", FIDELITY),
    Mutant("fidelity/parameters.py", "kept = np.maximum(1 - node.decay,", "kept = np.maximum(node.decay,", FIDELITY),
    Mutant("fidelity/running.py", "(part != 0) & (encoded.codes == 0)", "encoded.codes == 0", FIDELITY),
    Mutant(
        "simulation/trace.py", "if _form(given[key]) != _form(own[key]):", "if False:", "tests/simulation/test_run.py"
    ),
    Mutant("readout.py", "return v[-1]", "return v[0]", "tests/test_readout.py"),
]


def passes(tree: Path, tests: str) -> bool:
    """Whether tests pass on a tree; the tree comes before whatever lifexport is installed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", tests]
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, check=False).returncode == 0


def copy(folder: Path) -> Path:
    names = shutil.ignore_patterns("__pycache__", ".*", "out")
    return shutil.copytree(ROOT, folder / "tree", ignore=names)


def survives(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        tree = copy(Path(folder))
        path = tree / "lifexport" / mutant.file
        path.write_text(path.read_text().replace(mutant.old, mutant.new, 1))
        return passes(tree, mutant.tests)


def main() -> int:
    words = sys.argv[1:]
    chosen = [m for m in MUTANTS if not words or any(word in m.file + m.old for word in words)]
    for mutant in chosen:
        text = (ROOT / "lifexport" / mutant.file).read_text()
        assert mutant.old in text, f"{mutant.file}: {mutant.old!r} is not there any more"
    with ThreadPoolExecutor(os.cpu_count()) as pool, tempfile.TemporaryDirectory() as folder:
        sound, files = copy(Path(folder)), sorted({mutant.tests for mutant in chosen})
        for tests, good in zip(files, pool.map(lambda tests: passes(sound, tests), files), strict=True):
            assert good, f"{tests} fails without any mutant"
        survivors = 0
        for mutant, alive in zip(chosen, pool.map(survives, chosen), strict=True):
            survivors += alive
            print(f"{'SURVIVED' if alive else 'killed  '}  {mutant.file}: {mutant.old!r} -> {mutant.new!r}", flush=True)
    print(f"{len(chosen)} mutants, {survivors} survivors")
    return survivors


if __name__ == "__main__":
    sys.exit(main())
