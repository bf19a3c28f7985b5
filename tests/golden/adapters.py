"""Golden vectors as networks and populations: one adapter for every simulator that recorded them.

A case is replayed through the step that products use, with the rules of a shipped target; every recorded state and
spike of every step comes back beside what was recorded. The files' format is in ``vectors/README.md``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Arriving, IntLIF
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.simulation import simulate
from lifexport.simulation.driving import drive
from lifexport.targets import choose_rules, load_target

FOLDER = Path(os.environ.get("LIFEXPORT_VECTORS") or Path(__file__).parent / "vectors")
"""The folder named by the environment variable ``LIFEXPORT_VECTORS``; by default the copies in the tree."""

BACKEND = "reference"
"""Simulator that networks are replayed with."""

NOT_SET = -(2**31)
ONE = Fraction(1)


class Case(NamedTuple):
    name: str
    kind: str
    given: dict[str, np.ndarray]
    recorded: dict[str, np.ndarray]


Replayed = dict[str, np.ndarray]
"""By the name it was recorded under: what the case gives here, time first."""


def read(path: Path) -> Iterator[Case]:
    """Cases of a file, integers as int64."""
    cases: dict[str, Case] = {}
    with np.load(path, allow_pickle=False) as stored:
        for key in stored.files:
            name, side, field = key.split("/", 2)
            case = cases.setdefault(name, Case(name, name.split("_", 1)[1], {}, {}))
            value = stored[key]
            value = value.astype(np.int64) if value.dtype.kind in "iu" else value
            (case.given if side == "in" else case.recorded)[field] = value
    yield from cases.values()


def adapter(path: Path) -> Callable[[Case], Replayed]:
    """Adapter of a file, by the beginning of its name."""
    return next(replay for prefix, replay in ADAPTERS.items() if path.name.startswith(prefix))


def spikes(n: int, bits: int = 1) -> IntInput:
    return IntInput(shape=(n,), code=InputCode(kind="spikes" if bits == 1 else "counts", bits=bits))


def dense(weight: np.ndarray, *, shift: int = 0, drop: int = 0, **more) -> IntDense:
    """Weights ``(out, in)`` of any width, in units of the membrane."""
    bits = max(int(np.abs(weight).max(initial=0)).bit_length() + 1, 2)
    return IntDense(weight=weight, weight_bits=bits, shift=shift, drop=drop, unit=Fraction(2**shift, 2**drop), **more)


# Loihi, lava-nc


def lava_lif(p: dict[str, np.ndarray], prefix: str = "") -> IntLIF:
    bias = p[f"{prefix}bias_mant"] << p[f"{prefix}bias_exp"]
    return IntLIF(
        shape=bias.shape,
        rules=choose_rules(load_target("loihi-lava")),
        decay=4096 - p[f"{prefix}dv"],
        current_decay=4096 - (p[f"{prefix}du"] + 1),
        threshold=p[f"{prefix}vth"] << 6,
        threshold_shift=6,
        reset_code=0,
        bias=bias,
        v_initial=p.get(f"{prefix}v0", 0),
        current_initial=p.get(f"{prefix}u0", 0),
        unit=ONE,
    )


def lava_dense(p: dict[str, np.ndarray], name: str) -> IntDense:
    """Weights without the low bits that ``num_weight_bits`` leaves out; the exponent shifts the sum, then << 6."""
    mixed, inhibitory = p[f"{name}.mode"] == 1, p[f"{name}.mode"] == 3
    lost = int(8 - p[f"{name}.bits"] + mixed)
    weight, exponent = p[f"{name}.w"], int(p[f"{name}.exp"])
    weight = -((-weight >> lost) << lost) if inhibitory else (weight >> lost) << lost
    return dense(weight, shift=6 + max(exponent, 0), drop=max(-exponent, 0))


def loihi_lava(case: Case) -> Replayed:
    p = case.given
    if case.kind.startswith("net"):
        n_in, n1, n2 = p["d1.w"].shape[1], len(p["l1.bias_mant"]), len(p["l2.bias_mant"])
        nodes = {
            "in": spikes(n_in),
            "d1": lava_dense(p, "d1"),
            "l1": lava_lif(p, "l1."),
            "rec": lava_dense(p, "rec"),
            "d2": lava_dense(p, "d2"),
            "l2": lava_lif(p, "l2."),
            "out": Output(shape=(n2,)),
        }
        late = [Edge("in", "d1", 1), Edge("l1", "rec", 1), Edge("l1", "d2", 1)]
        edges = [*late, Edge("d1", "l1"), Edge("rec", "l1"), Edge("d2", "l2"), Edge("l2", "out")]
        assert nodes["l1"].shape == (n1,)
        trace = run(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), p["spikes"])
        return {
            f"{what}{layer}": values[f"l{layer}"]
            for layer in (1, 2)
            for what, values in (("u", trace["current0"]), ("v", trace["v_post"]), ("s", trace["spikes"]))
        }
    driven = drive(lava_lif(p), (Arriving.total(a << 6) for a in p["a"]))
    return {"u": driven.current[:, 0], "v": driven.v_post, "s": driven.spikes}


# Loihi 1, nengo-loihi


def loihi_nengo(case: Case) -> Replayed:
    p = case.given
    target = load_target("loihi1-nengo")
    shape = p["vth"].shape
    population = IntLIF(
        shape=shape,
        rules=choose_rules(target, state_lo=int(p["vmin"]), state_hi=int(p["vmax"])),
        decay=4096 - p["dv"],
        current_decay=4096 - (p["du"] + 1),
        threshold=p["vth"],
        reset_code=0,
        bias=p["bias"],
        refractory=p["ref"],
        unit=ONE,
    )
    nodes = {"in": spikes(len(p["w"])), "fc": dense(p["w"].T), "lif": population, "out": Output(shape=shape)}
    edges = [Edge("in", "fc", 1), Edge("fc", "lif"), Edge("lif", "out")]
    steps = len(case.recorded["v"])
    silence = np.zeros((steps - len(p["spikes"]), p["spikes"].shape[1]), np.int64)
    trace = run(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), np.concatenate([p["spikes"], silence]))
    return {"u": trace["current0"]["lif"], "v": trace["v_post"]["lif"], "s": trace["spikes"]["lif"]}


# Xylo


def xylo(case: Case) -> Replayed:
    p = case.given
    target = load_target(f"xylo-{p['core']}")
    n_in, n, n_out = p["w_in"].shape[0], p["w_in"].shape[1], p["w_out"].shape[1]
    bias, bias_out = (p[name] * p["has_bias"] for name in ("bias", "bias_out"))
    alias = p["alias"]
    nodes = {
        "in": spikes(n_in, bits=8),
        "in1": dense(p["w_in"].T, shift=int(p["sh_in"])),
        "in2": dense(p["w_in2"].T, shift=int(p["sh_in"]), synapse=1),
        "rec1": dense(p["w_rec"].T, shift=int(p["sh_rec"])),
        "rec2": dense(p["w_rec2"].T, shift=int(p["sh_rec"]), synapse=1),
        "hidden": IntLIF(
            shape=(n,),
            rules=choose_rules(target, synapses=2),
            decay=p["dm"],
            current_decay=np.stack([p["ds"], p["ds2"]]),
            threshold=p["th"],
            reset_code=p["th"],
            bias=bias,
            alias=alias if (alias >= 0).any() else None,
            unit=ONE,
        ),
        "fc": dense(p["w_out"].T, shift=int(p["sh_out"])),
        "last": IntLIF(
            shape=(n_out,),
            rules=choose_rules(target, max_spikes=1),
            decay=p["dm_out"],
            current_decay=p["ds_out"],
            threshold=p["th_out"],
            reset_code=p["th_out"],
            bias=bias_out,
            unit=ONE,
        ),
        "out": Output(shape=(n_out,)),
    }
    edges = [Edge("in", "in1"), Edge("in", "in2"), Edge("in1", "hidden"), Edge("in2", "hidden")]
    edges += [Edge("hidden", "rec1", 1), Edge("hidden", "rec2", 1), Edge("rec1", "hidden"), Edge("rec2", "hidden")]
    edges += [Edge("hidden", "fc", 1), Edge("fc", "last"), Edge("last", "out")]
    trace = run(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), p["spikes"])
    return {
        "s": trace["spikes"]["hidden"],
        "i": trace["current0"]["hidden"],
        "i2": trace["current1"]["hidden"],
        "v": trace["v_post"]["hidden"],
        "out": trace["spikes"]["last"],
        "i_out": trace["current0"]["last"],
        "v_out": trace["v_post"]["last"],
    }


# Spiker+


def spikerplus(case: Case) -> Replayed:
    p = case.given
    subtract = str(p["reset"]) == "subtractive"
    shape = p["vth"].shape
    population = IntLIF(
        shape=shape,
        rules=choose_rules(
            load_target("spikerplus"), state_bits=int(p["bw"]), reset="subtract" if subtract else "value"
        ),
        decay=p["shift"],
        threshold=p["vth"],
        reset_code=p["vth"] if subtract else p["vreset"],
        unit=ONE,
    )
    nodes = {
        "in": spikes(p["w"].shape[1]),
        "fc": dense(p["w"]),
        "back": dense(p["w_fb"]),
        "lif": population,
        "out": Output(shape=shape),
    }
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "back", 1), Edge("back", "lif"), Edge("lif", "out")]
    trace = run(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), p["spikes"])
    return {"v": trace["v"]["lif"], "s": trace["spikes"]["lif"]}


# tinyODIN


def tinyodin(case: Case) -> Replayed:
    p = case.given
    population = IntLIF(
        shape=p["thr"].shape,
        rules=choose_rules(load_target("tinyodin")),
        decay=p["leak"],
        threshold=p["thr"],
        reset_code=0,
        v_initial=p["v0"],
        unit=ONE,
    )
    ticks = p["tref"] == 1
    weights = np.where(ticks, 0, p["w"])
    driven = drive(population, (Arriving(((w,),), tick) for w, tick in zip(weights, ticks, strict=True)))
    return {"v": driven.v_post, "s": driven.spikes}


# sinabs


def sinabs(case: Case) -> Replayed:
    p = case.given
    subtract = str(p["reset"]) == "subtract"
    most = {"multi": None, "single": 1, "max3": 3}[str(p["spike"])]
    lowest = None if p["vmin"] == NOT_SET else int(p["vmin"])
    population = IntLIF(
        shape=p["x"].shape[1:],
        rules=choose_rules(
            load_target("sinabs-iaf"), state_lo=lowest, max_spikes=most, reset="subtract" if subtract else "value"
        ),
        decay=0,
        threshold=p["th"],
        reset_code=p["th"] if subtract else 0,
        unit=ONE,
    )
    driven = drive(population, (Arriving.total(x) for x in p["x"]))
    return {"v": driven.v_post, "s": driven.spikes}


def run(network: IntNetwork, codes: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Simulation of one sample: what is recorded of every population, without the batch axis."""
    trace = simulate(network, codes[:, None], record=("spikes", "v", "v_post", "current"), backend=BACKEND)
    found = {
        what: {name: rows[:, 0] for name, rows in getattr(trace, what).items()} for what in ("spikes", "v", "v_post")
    }
    for k in range(2):
        found[f"current{k}"] = {n: rows[:, 0, k] for n, rows in trace.current.items() if rows.shape[2] > k}
    return found


ADAPTERS = {
    "loihi_lava": loihi_lava,
    "loihi_nengo": loihi_nengo,
    "xylo": xylo,
    "spikerplus": spikerplus,
    "tinyodin": tinyodin,
    "sinabs": sinabs,
}
