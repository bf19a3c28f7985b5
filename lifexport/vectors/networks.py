"""A recorded network that comes with its case, as ``network.json`` of a bundle holds it.

Fields: ``in/network`` the bytes of that file (uint8) or its text, ``in/codes`` what entered, ``(time, samples,
*features)``; ``out/POPULATION.spikes``, ``.v`` (before reset), ``.v_post``, ``.current0`` and ``.current1`` what was
recorded, ``(time, samples, *shape)``. Every sample starts from the initial state.
"""

from __future__ import annotations

import numpy as np

from .. import graph
from ..bundle.intnetwork import from_document
from ..errors import LifexportError
from ..files import parse_json
from ..findings import Finding, error
from ..network import IntNetwork
from ..simulation import simulate
from ..simulation.run import Backend
from ..targets import Target, choose_rules
from .cases import Case

WHAT = ("spikes", "v", "v_post", "current0", "current1")


def read_network(case: Case) -> IntNetwork:
    """The network of a case; LX003 for what is no document, else errors are those of ``from_document``."""
    stored, name = case.given["network"], f"{case.place}/in/network"
    if stored.dtype.kind == "U" and stored.ndim == 0:
        return from_document(parse_json(str(stored).encode(errors="replace"), name))
    if stored.dtype != np.uint8:
        fix = "store the bytes of network.json as uint8"
        raise error("LX003", found=f"{name}: {stored.dtype} of shape {stored.shape}", fix=fix)
    return from_document(parse_json(stored.tobytes(), name))


def replay_network(case: Case, target: Target, backend: Backend) -> dict[str, np.ndarray]:
    """Run a recorded network; the rules are its own, and ``differences`` says whether a target has them."""
    q, codes = read_network(case), case.given["codes"]
    asked = {key: _part(q, key) for key in case.recorded}
    record = tuple({"current" if what.startswith("current") else what for _, what in asked.values()})
    trace = simulate(q, codes, record=record, backend=backend)
    found = {}
    for key, (name, what) in asked.items():
        if what.startswith("current"):
            found[key] = trace.current[name][:, :, int(what[-1])]
        else:
            found[key] = getattr(trace, what)[name]
    return found


def _part(q: IntNetwork, key: str) -> tuple[str, str]:
    """Population and kind of what was recorded."""
    name, _, what = key.rpartition(".")
    if name not in q.populations or what not in WHAT:
        known = ", ".join(q.populations)
        raise ValueError(f"out/{key} is no array of this network: POPULATION.{'|'.join(WHAT)} of {known}")
    if what.startswith("current") and int(what[-1]) >= q.populations[name].synapses:
        raise ValueError(f"out/{key}: {name!r} has {q.populations[name].synapses} currents")
    return name, what


def differences(q: IntNetwork, target: Target, place: str) -> list[Finding]:
    """What a target says otherwise than a recorded network: rules of populations, steps of deliveries (LX607)."""
    found = [_finding(place, f"{name}.rules", text) for name in q.populations for text in _rules(q, name, target)]
    return found + [_finding(place, "delivery", text) for text in _deliveries(q, target)]


def _finding(place: str, field: str, found: str) -> Finding:
    fix = "correct the description of the target, or name the one that was recorded"
    return Finding(code="LX607", node=place, field=field, found=found, fix=fix)


def _rules(q: IntNetwork, name: str, target: Target) -> list[str]:
    rules, document = q.populations[name].rules, target.document
    ends = {"state_bits": rules.membrane.bits}
    if "bits" not in document["state"]:
        ends = {"state_lo": rules.membrane.lo, "state_hi": rules.membrane.hi}
    product = rules.leak.kind == "multiply"
    try:
        allowed = choose_rules(
            target,
            **ends,
            overflow=rules.membrane.overflow,
            decay_bits=rules.leak.bits if product else None,
            rounding=rules.leak.rounding if product else None,
            reset=rules.reset,
            max_spikes=rules.max_spikes,
            refractory=rules.refractory,
            synapses=None if rules.current is None else rules.current.synapses,
        )
    except LifexportError as reason:
        return [f"not allowed by target {target.name!r}: {reason.findings[0]}"]
    return [] if allowed == rules else [f"not those of target {target.name!r}"]


def _deliveries(q: IntNetwork, target: Target) -> list[str]:
    """Steps that a spike takes, where a target delivers it in others.

    Branches can be delayed further, up to ``max_delay``, but not all of a kind.
    """
    delivery, steps = target.document["delivery"], _steps(q)
    extra, found = delivery.get("max_delay", 0), []
    for kind, taken in steps.items():
        natural = delivery.get(kind, 0)
        most = natural if kind == "recurrent" else natural + extra
        if taken and (min(taken) != natural or max(taken) > most):
            spread = f"{min(taken)}" if min(taken) == max(taken) else f"{min(taken)}..{max(taken)}"
            found.append(f"{kind}: {spread} steps in the recorded network, {natural} on target {target.name!r}")
    return found


def _steps(q: IntNetwork) -> dict[str, list[int]]:
    """Steps of every way between populations, by its kind."""
    loops = [set(loop) for loop in graph.loops(q.nodes, q.edges)]
    found: dict[str, list[int]] = {"input": [], "feedforward": [], "recurrent": []}
    for name in q.populations:
        for edge in q.incoming(name):
            way = q.way(edge)
            first = q.incoming(way[-1])[0] if way else edge
            late = edge.delay + sum(q.incoming(part)[0].delay for part in way)
            looping = any({name, first.source} <= loop for loop in loops)
            kind = "input" if first.source == q.input_name else "recurrent" if looping and late else "feedforward"
            found[kind].append(late)
    return found
