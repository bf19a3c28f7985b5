"""Which operators on int64 the installed onnxruntime gets wrong; files of lifexport hold none of those found.

    python benchmarks/onnx_int64.py

Another version is tried without touching the environment: pip install --no-deps --target FOLDER onnxruntime==1.30.0,
and PYTHONPATH=FOLDER before the command.
"""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

BOUNDS = -(2**31), 2**31 - 1


def run(op: str, kind: int, *given: np.ndarray) -> np.ndarray:
    names = [f"x{k}" for k in range(len(given))]
    infos = [helper.make_tensor_value_info(n, TensorProto.INT64, x.shape) for n, x in zip(names, given, strict=True)]
    y = helper.make_tensor_value_info("y", kind, given[0].shape)
    graph = helper.make_graph([helper.make_node(op, names, ["y"])], "one", infos, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(names, given, strict=True)))[0]


def main() -> None:
    rng = np.random.default_rng(0)
    a = np.concatenate([rng.integers(-(2**33), 2**33, 4000), [*BOUNDS, 2**31, 2352983871, 0, -1]]).astype(np.int64)
    b = rng.integers(1, 2**31, a.size)
    whole = {"Add": a + b, "Sub": a - b, "Mul": a * b, "Div": np.sign(a) * (np.abs(a) // b), "Mod": a % b}
    whole |= {"Max": np.maximum(a, b), "Min": np.minimum(a, b)}
    wrong = {op: int((run(op, TensorProto.INT64, a, b) != right).sum()) for op, right in whole.items()}
    wrong["GreaterOrEqual"] = int((run("GreaterOrEqual", TensorProto.BOOL, a, b) != (a >= b)).sum())
    clipped = run("Clip", TensorProto.INT64, a, *(np.array(bound) for bound in BOUNDS))
    wrong["Clip"] = int((clipped != np.clip(a, *BOUNDS)).sum())
    found = ", ".join(f"{op} {count} of {a.size}" for op, count in wrong.items() if count)
    print(f"onnxruntime {onnxruntime.__version__}: {found or 'all right'}")


if __name__ == "__main__":
    main()
