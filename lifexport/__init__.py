"""lifexport: spiking networks from JAX training to neuromorphic hardware, proved on the way.

Names load their room on first use: ``import lifexport`` itself loads neither jax nor onnx nor nir.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> module that holds it.
_HOME = {
    "AvgPool": "train",
    "BatchNorm": "train",
    "Certificate": "certificate",
    "Conv1d": "train",
    "Conv2d": "train",
    "CubaLIF": "train",
    "Dropout": "train",
    "FidelityReport": "fidelity",
    "Flatten": "train",
    "FloatNetwork": "network",
    "IAF": "train",
    "IF": "train",
    "Identity": "train",
    "IntNetwork": "network",
    "LI": "train",
    "LIF": "train",
    "LIFRef": "train",
    "LeakyRateReadout": "train",
    "Linear": "train",
    "Parallel": "train",
    "QAT": "finetuning",
    "QuantSpec": "quantspec",
    "Recurrent": "train",
    "Sequential": "train",
    "SumPool": "train",
    "Target": "targets",
    "Thresholds": "fidelity",
    "capture": "capturing",
    "certify": "certificate",
    "check": "checking",
    "compare": "fidelity",
    "cost": "costing",
    "encoders": "train",
    "evaluate": "train",
    "fit": "train",
    "from_nir": "export.nir_graph",
    "load_parameters": "train",
    "load_target": "targets",
    "losses": "train",
    "mixed_precision": "exploring",
    "qat": "finetuning",
    "quantize": "quantization",
    "same": "arrays",
    "save_parameters": "train",
    "sensitivity": "exploring",
    "simulate": "simulation",
    "stream": "simulation",
    "surrogate": "train",
    "sweep": "exploring",
    "to_nir": "export.nir_graph",
    "to_onnx": "export.onnx_model",
    "from_onnx": "export.onnx_file",
    "OnnxStream": "export.onnx_streaming",
    "verify_nir": "interop",
    "Bundle": "bundle",
    "compare_recorded": "bundle",
    "diff": "bundle",
    "load": "bundle",
    "save": "bundle",
    "verify": "bundle",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


if TYPE_CHECKING:
    from .arrays import same as same
    from .bundle import Bundle as Bundle
    from .bundle import compare_recorded as compare_recorded
    from .bundle import diff as diff
    from .bundle import load as load
    from .bundle import save as save
    from .bundle import verify as verify
    from .capturing import capture as capture
    from .certificate import Certificate as Certificate
    from .certificate import certify as certify
    from .checking import check as check
    from .costing import cost as cost
    from .exploring import mixed_precision as mixed_precision
    from .exploring import sensitivity as sensitivity
    from .exploring import sweep as sweep
    from .export.nir_graph import from_nir as from_nir
    from .export.nir_graph import to_nir as to_nir
    from .export.onnx_file import from_onnx as from_onnx
    from .export.onnx_model import to_onnx as to_onnx
    from .export.onnx_streaming import OnnxStream as OnnxStream
    from .fidelity import FidelityReport as FidelityReport
    from .fidelity import Thresholds as Thresholds
    from .fidelity import compare as compare
    from .finetuning import QAT as QAT
    from .finetuning import qat as qat
    from .interop import verify_nir as verify_nir
    from .network import FloatNetwork as FloatNetwork
    from .network import IntNetwork as IntNetwork
    from .quantization import quantize as quantize
    from .quantspec import QuantSpec as QuantSpec
    from .simulation import simulate as simulate
    from .simulation import stream as stream
    from .targets import Target as Target
    from .targets import load_target as load_target
    from .train import IAF as IAF
    from .train import IF as IF
    from .train import LI as LI
    from .train import LIF as LIF
    from .train import AvgPool as AvgPool
    from .train import BatchNorm as BatchNorm
    from .train import Conv1d as Conv1d
    from .train import Conv2d as Conv2d
    from .train import CubaLIF as CubaLIF
    from .train import Dropout as Dropout
    from .train import Flatten as Flatten
    from .train import Identity as Identity
    from .train import LeakyRateReadout as LeakyRateReadout
    from .train import LIFRef as LIFRef
    from .train import Linear as Linear
    from .train import Parallel as Parallel
    from .train import Recurrent as Recurrent
    from .train import Sequential as Sequential
    from .train import SumPool as SumPool
    from .train import encoders as encoders
    from .train import evaluate as evaluate
    from .train import fit as fit
    from .train import load_parameters as load_parameters
    from .train import losses as losses
    from .train import save_parameters as save_parameters
    from .train import surrogate as surrogate
