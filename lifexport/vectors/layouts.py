"""What a case can look like, and how each look is replayed: the fields of every simulator that recorded vectors.

The fields are those of ``tests/golden/vectors/README.md``. A layout belongs to a family of targets, tells a case by its
fields alone, and runs it by the rules of whatever target is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..findings import error
from ..simulation.run import Backend
from ..targets import Target
from .cases import Case
from .chips import lava_cells, lava_network, nengo, sinabs, spikerplus, tinyodin, xylo
from .networks import replay_network

Replayed = dict[str, np.ndarray]
"""By the field it was recorded under: what the case gives here."""


@dataclass(frozen=True)
class Layout:
    """Fields that tell a case, the shipped targets it was recorded for, and its replay."""

    name: str
    targets: tuple[str, ...]
    """Empty for a network of its own, which names its target."""
    fields: frozenset[str]
    replay: Callable[[Case, Target, Backend], Replayed]

    def fits(self, case: Case) -> bool:
        """Whether a case has every field."""
        return self.fields <= case.given.keys()


def _layout(name: str, targets: str, fields: str, replay: Callable[[Case, Target, Backend], Replayed]) -> Layout:
    return Layout(name, tuple(targets.split()), frozenset(fields.split()), replay)


_LAVA_CELLS = "du dv vth bias_mant bias_exp"
LAYOUTS = (
    _layout("network", "", "network codes", replay_network),
    _layout("lava cells", "loihi-lava", f"{_LAVA_CELLS} a", lava_cells),
    _layout(
        "lava network",
        "loihi-lava",
        " ".join(
            [f"{dense}.{field}" for dense in ("d1", "rec", "d2") for field in ("w", "mode", "bits", "exp")]
            + [f"{cells}.{field}" for cells in ("l1", "l2") for field in _LAVA_CELLS.split()]
            + ["spikes"]
        ),
        lava_network,
    ),
    _layout("nengo", "loihi1-nengo", "du dv vth bias ref vmin vmax w spikes", nengo),
    _layout(
        "xylo",
        "xylo-v1 xylo-v2",
        "core w_in w_in2 w_rec w_rec2 w_out sh_in sh_rec sh_out ds ds2 dm ds_out dm_out th th_out has_bias bias"
        " bias_out alias spikes",
        xylo,
    ),
    _layout("spikerplus", "spikerplus", "bw shift reset w w_fb vth vreset spikes", spikerplus),
    _layout("tinyodin", "tinyodin", "thr leak w tref v0", tinyodin),
    _layout("sinabs", "sinabs-iaf", "x th vmin spike reset", sinabs),
)
"""Every known look of a case."""


def layout_of(case: Case) -> Layout:
    """Layout whose fields a case has.

    Raises
    ------
    FileError
        LX003 if there is none; the layout that misses fewest fields is named with them.
    """
    fitting = [layout for layout in LAYOUTS if layout.fits(case)]
    if fitting:
        return max(fitting, key=lambda layout: len(layout.fields))
    near = min(LAYOUTS, key=lambda layout: len(layout.fields - case.given.keys()) / len(layout.fields))
    missing = ", ".join(sorted(near.fields - case.given.keys()))
    fix = f"add the fields of tests/golden/vectors/README.md; nearest is {near.name!r}, which misses {missing}"
    raise error(
        "LX003", node=case.place, found=f"fields of no known simulator: {', '.join(sorted(case.given))}", fix=fix
    )


def recorded_for(case: Case, layout: Layout) -> tuple[str, ...]:
    """Shipped targets that a case was recorded for."""
    return (f"xylo-{case.given['core']}",) if layout.name == "xylo" else layout.targets
