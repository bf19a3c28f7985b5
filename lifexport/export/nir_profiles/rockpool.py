"""rockpool 3.1.0: ``isyn = (isyn + x) * exp(-dt/tau_syn)``, ``v = v * exp(-dt/tau_mem) + isyn``, ``v >= threshold``.

Its import of LIF nodes raises, so a LIF is written as a CubaLIF whose synapse forgets all but 1e-9 of its current. What
it keeps in float32 is no power of two, whatever ``tau_syn``; inputs are multiplied by a number of few bits that is its
inverse in float32, so that codes and other short numbers arrive as they were. ``r = tau_mem / dt - 1`` is where it
reads dt. A loop must be a nested graph.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from ..nir_float32 import rockpool_decay, rockpool_dt
from .neuron import Neuron
from .numbers import realised, threshold
from .profile import Asked, Fields, Profile, State, Stepped, Written, require_reset, require_start, require_still

NAME = "rockpool"
FORGETTING = (
    (0x165A416 / 2**20, 19 * 2.0**28),
    (0x1BA0A06 / 2**20, 29 * 2.0**35),
    (0x168DEEE / 2**20, 93 * 2.0**26),
    (0x1C197FA / 2**20, 93 * 2.0**34),
    (0x17DFC06 / 2**20, 87 * 2.0**28),
    (0x1AA588C / 2**20, 87 * 2.0**32),
    (0x1A1F4E8 / 2**20, 103 * 2.0**31),
)
"""``dt / tau_syn``, and the inverse of what float32 makes of its exponential: equal to 1 part in 2^25."""


def _cuba(form: Neuron) -> Written:
    require_reset(form, subtract=True, importer=NAME)
    require_start(form, NAME)
    require_still(form, NAME)
    if len(form.shape) != 1:
        raise error("LX401", found=f"neurons of shape {form.shape}; {NAME} has one axis alone", fix="flatten before")
    forgets = form.kind == "LIF"
    for name, decay in (("tau", form.decay), *((("tau_syn", form.current_decay),) if not forgets else ())):
        if ((decay <= 0) | (decay >= 1)).any():
            raise error("LX401", field=name, found="a decay of 0 or 1", fix=f"{NAME} has exp(-dt / tau)")
    tau = realised(form.decay, -form.dt / np.log(form.decay), lambda tau: rockpool_decay(tau, form.dt))
    r = _told(tau, form.dt)
    dt = rockpool_dt(tau, r)
    if forgets:
        tau_syn, inverse = _forgetting(dt)
        tau_syn, inverse = np.full(form.shape, tau_syn), np.full(form.shape, inverse)
    else:
        guess = -dt / np.log(form.current_decay)
        tau_syn = realised(form.current_decay, guess, lambda tau: rockpool_decay(tau, dt))
        inverse = 1 / rockpool_decay(tau_syn, dt).astype(np.float64)
    zero = np.zeros(form.shape)
    return Written(
        kind="CubaLIF",
        fields={
            "tau_syn": tau_syn,
            "tau_mem": tau,
            "r": r,
            "v_leak": zero,
            "v_threshold": threshold(form.height, form.compare, ">="),
            "v_reset": zero,
            "w_in": zero + 1,
        },
        scale=form.gain * inverse,
        bias=form.drift * inverse,
        reset="subtract",
    )


def _told(tau: np.ndarray, dt: float) -> np.ndarray:
    """``r`` of which rockpool makes ``dt``, or the float32 numbers next above it."""
    one, step = np.float32(1), np.float32(dt)
    best = (tau.astype(np.float64) / dt - 1).astype(np.float32)
    while (short := tau / (one + best) < step).any():
        best = np.where(short, np.nextafter(best, np.float32(-1)), best)
    return best


def _forgetting(dt: float) -> tuple[np.float32, float]:
    """``tau_syn`` of a synapse that forgets at once, and what its inputs must be multiplied by."""
    for rate, inverse in FORGETTING:
        near = np.float32(dt / rate)
        steps = range(-4, 5)
        taus = (near.view(np.int32) + np.array(steps, np.int32)).view(np.float32)
        exact = np.float32(dt) * (np.float32(1) / taus) == np.float32(rate)
        if exact.any():
            return taus[exact][0], inverse
    tau = np.float32(dt / FORGETTING[0][0])
    return tau, 1 / rockpool_decay(np.array(tau), dt).item()


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    dt = rockpool_dt(fields["tau_mem"], fields["r"])
    i = (i + x) * rockpool_decay(fields["tau_syn"], dt)
    v = v * rockpool_decay(fields["tau_mem"], dt) + i + fields["v_leak"]
    fires = v >= fields["v_threshold"]
    return (i, np.where(fires, v - fields["v_threshold"], v)), fires, v


PROFILE = Profile(
    name=NAME,
    importer="rockpool 3.1.0",
    says="CubaLIF with tau_mem = -dt / ln(decay) and a synapse that keeps less than 1e-9, weights times the inverse "
    "of what it keeps in float32, r = tau_mem / dt - 1, potentials from v_reset; one spike a step is a setting after "
    "reading",
    source="rockpool-single",
    kinds={"LIF": _cuba, "CubaLIF": _cuba},
    steps={"CubaLIF": _step_cuba},
    layers=("Affine", "Linear"),
    merges=False,
    loops="nested",
    resets={"subtract": ("max_one_spike",)},
    usage="rockpool.nn.modules.torch.nir.from_nir(nir.read({path}))",
)
