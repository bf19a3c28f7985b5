"""Whether the network is being trained, as brainstate says it: ``brainstate.environ.context(fit=True)``."""

from __future__ import annotations

import brainstate

from ..findings import error


def fitting(*, node: str | None) -> bool:
    """Value of ``fit`` in ``brainstate.environ``.

    Raises
    ------
    ParameterError
        LX006 if nobody has set it, for layers that work differently in training must not guess.

    Examples
    --------
    >>> with brainstate.environ.context(fit=True):
    ...     fitting(node="drop")
    True
    """
    fit = brainstate.environ.get("fit", default=None)
    if fit is None:
        fix = "with brainstate.environ.context(fit=True): ... in training, fit=False to evaluate"
        raise error("LX006", node=node, field="fit", found="none in brainstate.environ", fix=fix)
    return bool(fit)
