"""Parameters of a network in a file: numbers and names, nothing that runs."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from ..archives import open_archive
from ..errors import LifexportError
from ..files import whole_file
from ..findings import Finding, error, raise_errors
from ..regular import open_regular
from .states import lasting, leaves, set_values, values_of, with_units

_FIX = "name a file that save_parameters wrote, undamaged"


def save_parameters(net, path: str | os.PathLike[str]) -> Path:
    """Write everything a network has learned to an ``.npz`` file, whole or not at all.

    Parameters
    ----------
    net : module
        Its parameters are saved, and statistics such as those of ``BatchNorm``; not its membranes.
    path : path
        File to write; the name is taken as it is.

    Returns
    -------
    Path
        The file. ``numpy.load`` opens it without pickle; keys are the paths of the states
        (``layers.0.weight.weight``), with the unit in brackets behind where there is one (``tau [ms]``).

    Raises
    ------
    OutputError
        LX002 if it cannot be written.
    ParameterError
        LX101 if a parameter is NaN or infinite, LX006 if it has a type that numpy cannot write.

    Examples
    --------
    >>> import tempfile
    >>> from lifexport.train import Linear
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = save_parameters(Linear(2, 1, w_init=np.array([[1.5], [2.5]])), Path(folder) / "linear.npz")
    ...     net = Linear(2, 1)
    ...     load_parameters(net, file)
    >>> net.weight.value["weight"].tolist()
    [[1.5], [2.5]]
    """
    arrays = {}
    for name, value in _named(net).items():
        array = np.asarray(u.get_mantissa(value))
        if array.dtype.kind not in "biuf":
            raise error("LX006", node=name, found=f"type {array.dtype}", fix="convert it to float32 or float16")
        if not np.isfinite(array).all():
            raise error("LX101", node=name, found="NaN or infinity", fix="train again from the last good parameters")
        arrays[name] = array
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return Path(path)


def load_parameters(net, path: str | os.PathLike[str]) -> None:
    """Put the parameters of a file into a network of the same shape; on an error nothing has changed.

    Parameters
    ----------
    net : module
        Built as the one that was saved.
    path : path
        File of ``save_parameters``. It may come from anywhere: nothing in it is run, and no array is read before its
        name, shape and type are those of the network.

    Raises
    ------
    FileError
        LX003: no such file, damaged, parameters missing or too many, or of another type; every one is named.
    ShapeError
        LX102: a parameter of another shape, all of them named.
    ParameterError
        LX101: NaN or infinity.
    """
    values = values_of(lasting(net))
    expected = _named(net)
    try:
        with open_regular(path, fix=_FIX) as content, open_archive(content) as file:
            raise_errors(_misfits(file, expected))
            arrays = {name: _array(file, name) for name in expected}
    except LifexportError:
        raise
    except Exception as reason:  # a damaged archive fails in zipfile, zlib, struct or numpy, each in its own way
        text = getattr(reason, "strerror", None) or reason
        raise error("LX003", found=f"{os.fspath(path)}: {text}", fix=_FIX) from None
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    fix = "name a file that save_parameters wrote"
    raise_errors(Finding(code="LX101", node=name, found="NaN or infinity in the file", fix=fix) for name in bad)
    numbers = dict(zip(leaves(values), map(jnp.asarray, arrays.values()), strict=True))
    set_values(lasting(net), with_units(values, numbers))


def _named(net) -> dict[str, Any]:
    found = leaves(values_of(lasting(net)))
    return {name + (f" [{u.get_unit(v)}]" if isinstance(v, u.Quantity) else ""): v for name, v in found.items()}


def _misfits(file: zipfile.ZipFile, expected: dict[str, Any]) -> list[Finding]:
    """What in the file is not what the network needs, told from names and headers alone."""
    there = [name.removesuffix(".npy") for name in file.namelist()]
    found = []
    for name in sorted({name for name in there if there.count(name) > 1}):
        found.append(_foreign(name, "there twice"))
    for name in sorted(set(there) - set(expected)):
        found.append(_foreign(name, "in the file, not in the network"))
    for name, value in expected.items():
        if name not in there:
            found.append(_foreign(name, "in the network, not in the file"))
            continue
        shape, dtype = _header(file, name)
        if shape != np.shape(u.get_mantissa(value)):
            here = f"shape {shape} in the file, {np.shape(u.get_mantissa(value))} in the network"
            fix = "build the network with the sizes of the one that was saved"
            found.append(Finding(code="LX102", node=name, found=here, fix=fix))
        elif dtype != np.asarray(u.get_mantissa(value)).dtype:
            here = f"type {dtype} in the file, {np.asarray(u.get_mantissa(value)).dtype} in the network"
            found.append(_foreign(name, here))
    return found


def _foreign(name: str, what: str) -> Finding:
    return Finding(code="LX003", node=name, found=what, fix="build the network as the one that was saved")


def _header(file: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype]:
    with file.open(f"{name}.npy") as member:
        if np.lib.format.read_magic(member) != (1, 0):  # type: ignore[arg-type]
            raise ValueError(f"{name!r} has a header of another version")
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)  # type: ignore[arg-type]
    return shape, dtype


def _array(file: zipfile.ZipFile, name: str) -> np.ndarray:
    with file.open(f"{name}.npy") as member:
        array = np.lib.format.read_array(member, allow_pickle=False)  # type: ignore[arg-type]
        if member.read(1):
            raise ValueError(f"{name!r} is longer than its header says")
    return array
