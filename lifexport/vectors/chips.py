"""Cases of single layers and small networks, as six simulators recorded them, by the rules of a target.

Every case goes through the step that products use; delays are those that the target states.
"""

from __future__ import annotations

import numpy as np

from ..graph import Edge
from ..neurons import Arriving, IntLIF
from ..nodes import IntDense, Output
from ..simulation.driving import drive
from ..simulation.run import Backend
from ..targets import Target, choose_rules
from .building import cells, delays, dense, network, run, spikes
from .cases import Case

NOT_SET = -(2**31)


# Loihi, lava-nc


def _lava_lif(p: dict[str, np.ndarray], target: Target, prefix: str = "") -> IntLIF:
    bias = p[f"{prefix}bias_mant"] << p[f"{prefix}bias_exp"]
    return cells(
        shape=bias.shape,
        rules=choose_rules(target),
        decay=4096 - p[f"{prefix}dv"],
        current_decay=4096 - (p[f"{prefix}du"] + 1),
        threshold=p[f"{prefix}vth"] << 6,
        threshold_shift=6,
        reset_code=0,
        bias=bias,
        v_initial=p.get(f"{prefix}v0", 0),
        current_initial=p.get(f"{prefix}u0", 0),
    )


def _lava_dense(p: dict[str, np.ndarray], name: str) -> IntDense:
    """Weights without the low bits that ``num_weight_bits`` leaves out; the exponent shifts the sum, then << 6."""
    mixed, inhibitory = p[f"{name}.mode"] == 1, p[f"{name}.mode"] == 3
    lost = int(8 - p[f"{name}.bits"] + mixed)
    weight, exponent = p[f"{name}.w"], int(p[f"{name}.exp"])
    weight = -((-weight >> lost) << lost) if inhibitory else (weight >> lost) << lost
    return dense(weight, shift=6 + max(exponent, 0), drop=max(-exponent, 0))


def lava_cells(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """Neurons of lava-nc, driven by activations."""
    driven = drive(_lava_lif(case.given, target), (Arriving.total(a << 6) for a in case.given["a"]))
    assert driven.current is not None
    return {"u": driven.current[:, 0], "v": driven.v_post, "s": driven.spikes}


def lava_network(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """Dense, LIF with a recurrent Dense, Dense, LIF in lava-nc."""
    p = case.given
    nodes = {
        "in": spikes(p["d1.w"].shape[1]),
        "d1": _lava_dense(p, "d1"),
        "l1": _lava_lif(p, target, "l1."),
        "rec": _lava_dense(p, "rec"),
        "d2": _lava_dense(p, "d2"),
        "l2": _lava_lif(p, target, "l2."),
        "out": Output(shape=p["l2.bias_mant"].shape),
    }
    into, on, back = delays(target)
    edges = [Edge("in", "d1", into), Edge("l1", "rec", back), Edge("l1", "d2", on)]
    edges += [Edge("d1", "l1"), Edge("rec", "l1"), Edge("d2", "l2"), Edge("l2", "out")]
    trace = run(network(nodes, edges), p["spikes"], backend)
    return {
        f"{what}{layer}": values[f"l{layer}"]
        for layer in (1, 2)
        for what, values in (("u", trace["current0"]), ("v", trace["v_post"]), ("s", trace["spikes"]))
    }


# Loihi 1, nengo-loihi


def nengo(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """One group of nengo-loihi's compartments, fed by weights."""
    p = case.given
    shape = p["vth"].shape
    population = cells(
        shape=shape,
        rules=choose_rules(target, state_lo=int(p["vmin"]), state_hi=int(p["vmax"])),
        decay=4096 - p["dv"],
        current_decay=4096 - (p["du"] + 1),
        threshold=p["vth"],
        reset_code=0,
        bias=p["bias"],
        refractory=p["ref"],
    )
    nodes = {"in": spikes(len(p["w"])), "fc": dense(p["w"].T), "lif": population, "out": Output(shape=shape)}
    edges = [Edge("in", "fc", delays(target).input), Edge("fc", "lif"), Edge("lif", "out")]
    steps = max(len(rows) for rows in case.recorded.values())
    silence = np.zeros((max(0, steps - len(p["spikes"])), p["spikes"].shape[1]), np.int64)
    trace = run(network(nodes, edges), np.concatenate([p["spikes"], silence]), backend)
    return {"u": trace["current0"]["lif"], "v": trace["v_post"]["lif"], "s": trace["spikes"]["lif"]}


# Xylo


def xylo(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """XyloSim: a hidden layer with two synapses, recurrence and aliases, and an output layer."""
    p = case.given
    n_in, n, n_out = p["w_in"].shape[0], p["w_in"].shape[1], p["w_out"].shape[1]
    bias, bias_out = (p[name] * p["has_bias"] for name in ("bias", "bias_out"))
    alias = p["alias"]
    nodes = {
        "in": spikes(n_in, bits=8),
        "in1": dense(p["w_in"].T, shift=int(p["sh_in"])),
        "in2": dense(p["w_in2"].T, shift=int(p["sh_in"]), synapse=1),
        "rec1": dense(p["w_rec"].T, shift=int(p["sh_rec"])),
        "rec2": dense(p["w_rec2"].T, shift=int(p["sh_rec"]), synapse=1),
        "hidden": cells(
            shape=(n,),
            rules=choose_rules(target, synapses=2),
            decay=p["dm"],
            current_decay=np.stack([p["ds"], p["ds2"]]),
            threshold=p["th"],
            reset_code=p["th"],
            bias=bias,
            alias=alias if (alias >= 0).any() else None,
        ),
        "fc": dense(p["w_out"].T, shift=int(p["sh_out"])),
        "last": cells(
            shape=(n_out,),
            rules=choose_rules(target, max_spikes=1),
            decay=p["dm_out"],
            current_decay=p["ds_out"],
            threshold=p["th_out"],
            reset_code=p["th_out"],
            bias=bias_out,
        ),
        "out": Output(shape=(n_out,)),
    }
    into, on, back = delays(target)
    edges = [Edge("in", "in1", into), Edge("in", "in2", into), Edge("in1", "hidden"), Edge("in2", "hidden")]
    edges += [Edge("hidden", "rec1", back), Edge("hidden", "rec2", back)]
    edges += [Edge("rec1", "hidden"), Edge("rec2", "hidden")]
    edges += [Edge("hidden", "fc", on), Edge("fc", "last"), Edge("last", "out")]
    trace = run(network(nodes, edges), p["spikes"], backend)
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


def spikerplus(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """One layer of Spiker+ with lateral weights."""
    p = case.given
    subtract = str(p["reset"]) == "subtractive"
    shape = p["vth"].shape
    population = cells(
        shape=shape,
        rules=choose_rules(target, state_bits=int(p["bw"]), reset="subtract" if subtract else "value"),
        decay=p["shift"],
        threshold=p["vth"],
        reset_code=p["vth"] if subtract else p["vreset"],
    )
    nodes = {
        "in": spikes(p["w"].shape[1]),
        "fc": dense(p["w"]),
        "back": dense(p["w_fb"]),
        "lif": population,
        "out": Output(shape=shape),
    }
    into, _, back = delays(target)
    edges = [Edge("in", "fc", into), Edge("fc", "lif"), Edge("lif", "back", back), Edge("back", "lif")]
    edges += [Edge("lif", "out")]
    trace = run(network(nodes, edges), p["spikes"], backend)
    return {"v": trace["v"]["lif"], "s": trace["spikes"]["lif"]}


# tinyODIN


def tinyodin(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """Neurons of tinyODIN, event by event."""
    p = case.given
    population = cells(
        shape=p["thr"].shape,
        rules=choose_rules(target),
        decay=p["leak"],
        threshold=p["thr"],
        reset_code=0,
        v_initial=p["v0"],
    )
    ticks = p["tref"] == 1
    weights = np.where(ticks, 0, p["w"])
    driven = drive(population, (Arriving(((w,),), tick) for w, tick in zip(weights, ticks, strict=True)))
    return {"v": driven.v_post, "s": driven.spikes}


# sinabs


def sinabs(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """One layer of sinabs' IAF."""
    p = case.given
    subtract = str(p["reset"]) == "subtract"
    most = {"multi": None, "single": 1, "max3": 3}[str(p["spike"])]
    lowest = None if p["vmin"] == NOT_SET else int(p["vmin"])
    population = cells(
        shape=p["x"].shape[1:],
        rules=choose_rules(target, state_lo=lowest, max_spikes=most, reset="subtract" if subtract else "value"),
        decay=0,
        threshold=p["th"],
        reset_code=p["th"] if subtract else 0,
    )
    driven = drive(population, (Arriving.total(x) for x in p["x"]))
    return {"v": driven.v_post, "s": driven.spikes}
