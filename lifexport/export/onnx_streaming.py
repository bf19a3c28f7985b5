"""A network on a stream of inputs, one time step after the other, in onnxruntime; the state stays where it is."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import numpy as np
import onnxruntime

from .. import arrays
from ..findings import error
from ..network import FloatNetwork, IntNetwork
from .onnx_external import is_split
from .onnx_file import read_own
from .onnx_qonnx_ops import DOMAIN as QONNX
from .onnx_restoring import form_of
from .onnx_step import initial_values, input_dtype


class OnnxStream:
    """Runs a file of form ``step`` step by step in onnxruntime, on the CPU.

    Two sets of buffers hold the state; every step reads one and writes the other (IO binding), so that nothing is
    copied between steps. The file is checked first: it must be the very one that ``to_onnx`` writes for its network.

    Parameters
    ----------
    path : str or path
        As written by ``to_onnx(q, path, form="step")``.
    batch : int
        Samples that run side by side.

    Attributes
    ----------
    network : IntNetwork
        What the file holds.

    Raises
    ------
    FileError
        LX003 for a file that is missing, damaged or foreign.
    MismatchError
        LX403 for one that was edited.
    UnsupportedError
        LX401 for a file of another form.
    MissingDependencyError
        LX005 if the installed onnxruntime cannot run the file, with its reason.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from lifexport.graph import Edge
    >>> from lifexport.network import IntNetwork
    >>> from lifexport.neurons import IntLIF, Leak, Rules, Word
    >>> from lifexport.nodes import InputCode, IntDense, IntInput, Output
    >>> from lifexport.export.onnx_model import to_onnx
    >>> rules = Rules(membrane=Word.signed(16), leak=Leak(bits=2))
    >>> lif = IntLIF(shape=(1,), rules=rules, decay=3, threshold=7, reset_code=7, unit=1)
    >>> nodes = {"in": IntInput(shape=(2,), code=InputCode(kind="spikes")), "out": Output(shape=(1,)), "lif": lif}
    >>> nodes["fc"] = IntDense(weight=np.array([[1, 2]]))
    >>> edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = to_onnx(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), f"{folder}/m.onnx", form="step").path
    ...     with OnnxStream(path) as stream:
    ...         print([int(stream.step(np.ones((1, 2)))[0, 0]) for _ in range(5)], stream.state["lif.V"].tolist())
    [0, 0, 0, 1, 0] [[3]]
    """

    def __init__(self, path: str | os.PathLike[str], *, batch: int = 1):
        model, network = read_own(Path(path))
        self.network: FloatNetwork | IntNetwork = network
        given = [value.name for value in model.graph.input]
        if (form := form_of(model)) != "step":
            fix = 'export with form="step", or give the whole sequence to onnxruntime'
            raise error("LX401", field="form", found=f"{form!r}, which runs a whole sequence", fix=fix)
        if any(entry.domain == QONNX for entry in model.opset_import):
            fix = 'export it with dialect="standard" too'
            raise error("LX401", field="dialect", found="'qonnx', which onnxruntime cannot run", fix=fix)
        if type(batch) is not int or batch < 1:
            raise error("LX006", field="batch", found=f"{batch!r}", fix="give a positive number of samples")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            source = os.fspath(path) if is_split(model) else model.SerializeToString()
            session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as reason:  # onnxruntime has a class of its own for every kind
            found = f"onnxruntime {onnxruntime.__version__} cannot load it: {str(reason).splitlines()[0][:200]}"
            fix = "update onnxruntime, or export with opset=17"
            raise error("LX005", found=found, fix=fix) from None
        self._session: onnxruntime.InferenceSession | None = session
        self._batch = batch
        self._parts = given[1:]
        self._x = np.zeros((batch, *network.nodes[network.input_name].shape), input_dtype(network))
        self._sides: tuple[dict, dict] = ({}, {})
        self._bindings: list = []
        self._now = 0
        self.reset()

    def __enter__(self) -> OnnxStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the session back; the stream cannot be used afterwards."""
        self._session, self._bindings = None, []

    def reset(self) -> None:
        """Start every sample anew from the captured initial state."""
        session, values = self._open(), initial_values(self.network)
        start = {
            name: np.ascontiguousarray(np.repeat(value, self._batch, axis=0))
            for name, value in ((part, values[part]) for part in self._parts)
        }
        self._sides = start, {name: np.empty_like(value) for name, value in start.items()}
        self._bindings = [self._bound(session, here, 1 - here) for here in (0, 1)]
        self._now = 0

    def step(self, x: np.ndarray) -> np.ndarray:
        """Advance every sample by one time step.

        Parameters
        ----------
        x : array, shape ``(batch, *features)``
            Of an integer network integers are codes, floats are real inputs, which are encoded first, as in
            ``simulate``.

        Returns
        -------
        int array, shape ``(batch, *features)``
            Output spikes.

        Raises
        ------
        ParameterError
            LX301 for a wrong shape, type or code, LX205 for unusable real inputs; the state is as before.
        """
        session = self._open()
        x = arrays.numbers(x, node=self.network.input_name, code="LX301")[None]
        if isinstance(self.network, FloatNetwork):
            self.network.check_real(x)
        else:
            x = self.network.encode(x).codes if x.dtype.kind == "f" else x
            self.network.check_codes(x)
        if x.shape[1] != self._batch:
            found = f"{x.shape[1]} samples in a stream of {self._batch}"
            raise error("LX301", node=self.network.input_name, found=found, fix="open the stream with that batch")
        self._x[...] = x[0]
        binding = self._bindings[self._now]
        session.run_with_iobinding(binding)
        self._now = 1 - self._now
        return binding.copy_outputs_to_cpu()[0]

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Copy of the state, by the names of the file's inputs."""
        return {name: value.copy() for name, value in self._sides[self._now].items()}

    def _open(self) -> onnxruntime.InferenceSession:
        if self._session is None:
            raise error("LX006", field="stream", found="a stream that was closed", fix="open the file again")
        return self._session

    def _bound(self, session: onnxruntime.InferenceSession, here: int, there: int):
        """Reads one set of buffers, and writes the other."""
        binding = session.io_binding()
        for name, value in {"x": self._x, **self._sides[here]}.items():
            binding.bind_input(name, "cpu", 0, value.dtype, value.shape, value.ctypes.data)
        binding.bind_output("spikes", "cpu")
        for name, value in self._sides[there].items():
            binding.bind_output(f"{name}_next", "cpu", 0, value.dtype, value.shape, value.ctypes.data)
        return binding
