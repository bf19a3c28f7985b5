"""How the numbers of a file are stored: two weights in a byte, in the model or in a file beside it."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import GraphProto, TensorProto  # noqa: TID251

from ..findings import error
from . import onnx_external
from .onnx_external import Chunk, take
from .onnx_packing import WeightType, pack, widen


class Storage:
    """Takes the initializers of a graph before it is put together: protobuf copies no message of 2 GiB.

    Parameters
    ----------
    weights : ``"int8"`` | ``"int4"``
        Narrowest type of stored weights.
    external : bool, optional
        Whether numbers go to a file of their own; None where they are more than protobuf takes.
    name : str
        Name of that file.

    Attributes
    ----------
    chunks : list of Chunk
        What it holds.
    """

    def __init__(self, weights: WeightType = "int8", external: bool | None = False, name: str = ""):
        self.weights, self.external, self.name = weights, external, name
        self.chunks: list[Chunk] = []
        self._packed: list[str] = []

    def store(self, tensors: Iterable[TensorProto]) -> list[TensorProto]:
        """The same tensors, as the file holds them."""
        stored = [*tensors]
        self._packed = pack(stored) if self.weights == "int4" else []
        size = sum(len(tensor.raw_data) for tensor in stored)
        external = size > onnx_external.LARGEST if self.external is None else self.external
        if not external and size > onnx_external.LARGEST:
            fix = "leave it out, or use weights of fewer bits"
            raise error("LX401", field="external_data", found=f"False for {size} bytes of numbers", fix=fix)
        self.chunks = take(stored, self.name) if external else []
        return stored

    def finish(self, graph: GraphProto) -> None:
        """Read in the graph what is stored."""
        if self._packed:
            widen(graph, self._packed)
