r"""Spike functions: a hard step forward, a smooth stand-in for its gradient backward.

Every function here answers :math:`s = [x \ge 0]`, so a membrane exactly at threshold fires; they differ in
the :math:`g(x)` that replaces the derivative, which is zero or undefined for a real step. ``LIF`` passes
:math:`x = (V - V_{th}) / (V_{th} - V_{reset})`. Names, defaults and formulas are those of
``braintools.surrogate``; its objects, like any other callable, work in their place.
"""

from __future__ import annotations

from dataclasses import fields

from ...findings import unknown_name
from .base import Surrogate as Surrogate
from .bells import ERF as ERF
from .bells import Arctan as Arctan
from .bells import GaussianGrad as GaussianGrad
from .bells import InvSquareGrad as InvSquareGrad
from .bells import NonzeroSignLog as NonzeroSignLog
from .bells import PiecewiseExp as PiecewiseExp
from .bells import QPseudoSpike as QPseudoSpike
from .bells import Sigmoid as Sigmoid
from .bells import SlayerGrad as SlayerGrad
from .bells import SoftSign as SoftSign
from .pieces import S2NN as S2NN
from .pieces import LeakyRelu as LeakyRelu
from .pieces import LogTailedRelu as LogTailedRelu
from .pieces import MultiGaussianGrad as MultiGaussianGrad
from .pieces import PiecewiseLeakyRelu as PiecewiseLeakyRelu
from .pieces import PiecewiseQuadratic as PiecewiseQuadratic
from .pieces import ReluGrad as ReluGrad
from .pieces import SquarewaveFourierSeries as SquarewaveFourierSeries

SURROGATES: tuple[type[Surrogate], ...] = (
    *(Sigmoid, PiecewiseQuadratic, PiecewiseExp, SoftSign, Arctan, NonzeroSignLog, ERF, PiecewiseLeakyRelu),
    *(SquarewaveFourierSeries, S2NN, QPseudoSpike, LeakyRelu, LogTailedRelu, ReluGrad, GaussianGrad),
    *(MultiGaussianGrad, InvSquareGrad, SlayerGrad),
)
"""All of them, in the order of braintools."""


def by_name(name: str, **parameters: float) -> Surrogate:
    """Surrogate of this name; capitals and underscores do not matter.

    Parameters
    ----------
    name : str
        ``"Arctan"``, ``"arctan"``, ``"relu_grad"``, ...
    **parameters : float
        Those of the class, by name; the others keep their defaults.

    Raises
    ------
    ParameterError
        LX106, with the nearest name, if there is none; LX006 for a parameter that it has not.

    Examples
    --------
    >>> by_name("arctan", alpha=2.0)
    Arctan(alpha=2.0)
    >>> by_name("arktan")
    Traceback (most recent call last):
    lifexport.errors.ParameterError: LX106 unknown choice: surrogate 'arktan'; fix: did you mean 'Arctan'? known: ...
    """
    known = {kind.__name__.lower(): kind for kind in SURROGATES}
    kind = known.get(str(name).replace("_", "").lower())
    if kind is None:
        raise unknown_name("surrogate", name, (kind.__name__ for kind in SURROGATES), code="LX106", field="surrogate")
    names = [field.name for field in fields(kind)]
    for given in parameters.keys() - names:
        raise unknown_name("parameter", given, names, code="LX006", node=kind.__name__)
    return kind(**parameters)
