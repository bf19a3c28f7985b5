"""Samples for training: checked once, before anything is computed, then handed out in batches."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import numpy as np

from ..errors import LifexportError
from ..findings import error
from .encoders import ENCODERS
from .parameters import unit_name
from .placement import Placement


@dataclass(frozen=True)
class Samples:
    """Data and labels of one set; build it by ``checked_samples``.

    Attributes
    ----------
    x : array
        ``(time, samples, ...)``, or ``(samples, ...)`` with an encoder.
    y : int32 array, shape ``(samples,)``
        Class of every sample.
    encoder : callable, optional
        From a batch ``(batch, ...)`` to ``(time, batch, ...)``.
    """

    x: Any
    y: np.ndarray
    encoder: Callable | None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def axis(self) -> int:
        """Axis of ``x`` that counts samples."""
        return 1 if self.encoder is None else 0

    @property
    def seeded(self) -> bool:
        """Whether the encoder wants a seed with every batch."""
        if self.encoder is None:
            return False
        seed = inspect.signature(self.encoder).parameters.get("seed")
        return seed is not None and seed.default is inspect.Parameter.empty

    def batch(self, indices: np.ndarray, place: Placement) -> tuple[jax.Array, jax.Array]:
        """Samples of these indices, on their devices; not yet encoded."""
        x = self.x[indices] if self.axis == 0 else self.x[:, indices]
        return place.split(np.asarray(x), self.axis), place.split(self.y[indices], 0)

    def encode(self, x: jax.Array, seed: jax.Array) -> jax.Array:
        """A batch as ``(time, batch, ...)``; works inside ``jax.jit``."""
        if self.encoder is None:
            return x
        return self.encoder(x, seed=seed) if self.seeded else self.encoder(x)


def checked_samples(x, y, encoder: Callable | None, *, name: str = "") -> Samples:
    """Samples, once everything about them that needs no network is found good (LX006, LX102, LX109, LX120)."""
    if encoder is not None and not callable(encoder):
        fix = "give a function from (batch, ...) to (time, batch, ...), such as those in lifexport.encoders"
        raise error("LX006", node=name, field="encoder", found=f"{encoder!r}", fix=fix)
    if isinstance(x, u.Quantity):
        fix = "give plain numbers; lifexport.Linear makes currents of them"
        raise error("LX109", node=name, field="x", found=unit_name(x), fix=fix)
    x, y = (v if hasattr(v, "shape") and hasattr(v, "dtype") else np.asarray(v) for v in (x, y))
    if y.ndim != 1 or np.dtype(y.dtype).kind not in "iu":
        found = f"{y.dtype} of shape {y.shape}"
        raise error("LX120", node=name, field="y", found=found, fix="give whole numbers of shape (samples,)")
    axis, layout = (1, "(time, samples, ...)") if encoder is None else (0, "(samples, ...)")
    if x.ndim <= axis or x.shape[axis] != len(y) or 0 in x.shape:
        fix = f"give x as {layout}{'' if axis else ', for the encoder adds time'}, at least one sample"
        raise error("LX102", node=name, field="x", found=f"shape {x.shape} with {len(y)} labels", fix=fix)
    if np.dtype(x.dtype).kind not in "biuf":
        raise error("LX120", node=name, field="x", found=f"type {x.dtype}", fix="give real numbers")
    if np.dtype(x.dtype).kind == "f":
        _require_finite(x, name)
    if getattr(encoder, "func", encoder) in ENCODERS:
        _require_encodable(x, encoder)
    if (y < 0).any():
        _refuse_label(y, y < 0, "give classes from 0", name)
    return Samples(x, np.asarray(y).astype(np.int32), encoder)


def require_classes(samples: Samples, classes: int, name: str = "") -> None:
    """Refuse (LX120) labels that the network has no output for."""
    if (bad := samples.y >= classes).any():
        _refuse_label(samples.y, bad, f"the network has classes 0..{classes - 1}", name)


def _refuse_label(y, bad, fix: str, name: str):
    index = int(np.flatnonzero(bad)[0])
    found = f"label {int(y[index])} ({int(bad.sum())} of {len(y)})"
    raise error("LX120", node=name, field="y", index=(index,), found=found, fix=fix)


def _require_finite(x, name: str) -> None:
    if (bad := ~np.isfinite(x)).any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        found = f"{x[index]} ({int(bad.sum())} of {bad.size})"
        raise error("LX120", node=name, field="x", index=index, found=found, fix="give finite numbers")


def _require_encodable(x, encoder: Any) -> None:
    """Ask an encoder of ours about the extremes; if it refuses them, about everything, so that it names the place."""
    seed = {"seed": 0} if Samples(x, np.zeros(len(x)), encoder).seeded else {}
    try:
        encoder(np.stack([np.min(x, axis=0), np.max(x, axis=0)]), **seed)
    except LifexportError:
        encoder(x, **seed)
        raise
