"""How much each layer spikes, noted while a network runs, so that silence is seen where it begins."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar

import jax
import jax.numpy as jnp

_Record = tuple[dict[str, jax.Array], "Counter[str]"]
_OPEN: ContextVar[_Record | None] = ContextVar("lifexport_activity", default=None)


@contextlib.contextmanager
def recording() -> Iterator[dict[str, jax.Array]]:
    """Note the activity of every spiking layer whose ``run`` is called inside.

    Only ``run`` notes, never ``update``. Of recordings inside each other the innermost notes.

    Yields
    ------
    dict of str to float array, shape ``()``
        Mean spikes per neuron and step, over time, batch and population, in the order in which layers ran. Keys are
        the layers' names; a layer without one is called by its kind and its number among those of its kind that ran
        (``lif0``, ``lif1``, ...), one that runs twice gets ``_`` after its name, as in ``capture``.

    Notes
    -----
    Inside ``jax.jit`` (or ``grad``, ``vmap``) open the recording in the transformed function and return the values:
    noted there, they are tracers, and worth nothing outside.

    Examples
    --------
    >>> class Layer:
    ...     name = None
    >>> with recording() as seen:
    ...     note(Layer(), jnp.array([[0.0, 1.0], [0.0, 0.0]]))
    ...     note(Layer(), jnp.zeros((2, 2)))
    >>> {name: float(mean) for name, mean in seen.items()}
    {'layer0': 0.25, 'layer1': 0.0}
    """
    seen: dict[str, jax.Array] = {}
    token = _OPEN.set((seen, Counter()))
    try:
        yield seen
    finally:
        _OPEN.reset(token)


def note(layer, spikes: jax.Array, kind: str | None = None) -> None:
    """Note the spikes of one ``run`` of a layer, if anybody is recording.

    Parameters
    ----------
    layer : object
        Called by its ``name``, where that is not None or empty.
    spikes : array, shape ``(time, batch, *neurons)``, no unit
        Truth values, 0 and 1, or counts.
    kind : str, optional
        What a layer without a name is called, before its number; by default its class in lower case.
    """
    record = _OPEN.get()
    if record is None:
        return
    seen, count = record
    kind = kind or type(layer).__name__.lower()
    name = getattr(layer, "name", None) or f"{kind}{count[kind]}"
    count[kind] += 1
    while name in seen:
        name += "_"
    # Gradients of a loss should not notice that somebody looks on.
    seen[name] = jax.lax.stop_gradient(jnp.mean(spikes, dtype=jnp.float32))
