"""A network from whatever file holds one: a bundle, a NIR or an ONNX file, an integer network's document."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..files import first_bytes
from ..findings import error
from ..network import FloatNetwork, IntNetwork
from .intnetwork import load_intnetwork
from .opening import Bundle


def read_network(path: str | os.PathLike[str], **reading: Any) -> FloatNetwork | IntNetwork:
    """Network of a file nobody vouches for.

    Parameters
    ----------
    path : str or path
        A folder is a bundle, and gives its integer network; files are told by their first bytes and their suffix.
    **reading
        How a NIR file without lifexport's record is read: ``dt``, ``source``, ``reset``, ``reset_delay`` of
        ``from_nir``; refused for others, unless None.

    Raises
    ------
    LifexportError
        LX003 for what is missing, damaged or of no known kind, LX103 for a NIR file that states no time step, LX6xx
        for a bundle that was changed.

    Examples
    --------
    >>> read_network("model.txt")
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: model.txt: No such file or directory; ...
    """
    path = Path(path)
    if path.is_dir():
        _require_unasked(path, **reading)
        return Bundle(path).network
    if first_bytes(path).startswith(b"\x89HDF\r\n\x1a\n") or path.suffix == ".nir":
        from ..export.nir_graph import from_nir  # loads nir

        network = from_nir(path, **reading)
        assert isinstance(network, FloatNetwork | IntNetwork)
        return network
    _require_unasked(path, **reading)
    if path.suffix == ".onnx":
        from ..export.onnx_file import from_onnx  # loads onnx

        return from_onnx(path)
    if path.suffix == ".json":
        return load_intnetwork(path)
    fix = "give a bundle (a folder), a .nir or .onnx file, or an integer network (.json)"
    raise error("LX003", found=f"{path}: of no known kind", fix=fix)


def read_trained(path: str | os.PathLike[str], **reading: Any) -> FloatNetwork:
    """The same for a trained network; integers are refused (LX006). A bundle gives what it was quantized from."""
    if Path(path).is_dir():
        _require_unasked(Path(path), **reading)
        network = Bundle(path).trained
    else:
        network = read_network(path, **reading)
    if not isinstance(network, FloatNetwork):
        fix = "give the network it was quantized from"
        raise error("LX006", field=str(path), found="no trained network", fix=fix)
    return network


def _require_unasked(path: Path, **asked: object) -> None:
    for name, value in asked.items():
        if value is not None:
            raise error("LX006", field=name, found=f"{value!r} for {path.name}, which says it", fix="leave it out")
