"""xylosim 0.1.3, core v1 or v2: all populations but the last are parts of its hidden layer; reset_all between."""

from __future__ import annotations

import numpy as np
import xylosim.v1
import xylosim.v2
from common import Job, run, stacked


def blocks(job: Job) -> tuple[list[str], dict[str, slice]]:
    """Hidden populations by order, and where each lies in the hidden layer."""
    hidden = [name for name in job.named("population") if name != job.readout]
    ends = np.cumsum([0, *(job.nodes[name]["threshold"].size for name in hidden)])
    return hidden, {name: slice(int(a), int(b)) for name, a, b in zip(hidden, ends, ends[1:], strict=False)}


def layer(job: Job, module):
    hidden, place = blocks(job)
    n, n_in, n_out = place[hidden[-1]].stop, job.codes.shape[2], job.nodes[job.readout]["threshold"].size
    matrices = {
        "inp": np.zeros((2, n_in, n), int),
        "rec": np.zeros((2, n, n), int),
        "out": np.zeros((1, n, n_out), int),
    }
    shifts: dict[str, set[int]] = {kind: set() for kind in matrices}
    for before, name, after, late in job.ways():
        kind = "inp" if before not in place else "out" if after == job.readout else "rec"
        assert late == (kind != "inp"), "spikes of the hidden layer arrive a step later"
        rows, columns = place.get(before, slice(None)), place.get(after, slice(None))
        node = job.nodes[name]
        matrices[kind][node["synapse"], rows, columns] = node["weight"].T
        shifts[kind].add(node["shift"])
    synapse = module.XyloSynapse
    fans = {
        kind: [[synapse(int(j), k, int(m[k, i, j])) for k, j in np.argwhere(m[:, i])] for i in range(m.shape[1])]
        for kind, m in matrices.items()
    }
    joined = {f: [int(v) for name in hidden for v in job.nodes[name][f]] for f in ("threshold", "decay", "bias")}
    last, synapses = job.nodes[job.readout], [job.nodes[name]["current_decay"] for name in hidden]
    fields = {
        "synapses_in": fans["inp"],
        "synapses_rec": fans["rec"],
        "synapses_out": fans["out"],
        "aliases": [[] for _ in range(n)],
        "threshold": joined["threshold"],
        "threshold_out": last["threshold"].tolist(),
        "weight_shift_inp": one(shifts["inp"]),
        "weight_shift_rec": one(shifts["rec"]),
        "weight_shift_out": one(shifts["out"]),
        "dash_mem": joined["decay"],
        "dash_mem_out": last["decay"].tolist(),
        "dash_syns": np.concatenate(
            [np.resize(decays, (2, decays.shape[1])) for decays in synapses], axis=1
        ).T.tolist(),
        "dash_syns_out": last["current_decay"].T.tolist(),
        "name": "recorded",
    }
    if module is xylosim.v2:
        fields |= {"has_bias": True, "bias": joined["bias"], "bias_out": last["bias"].tolist()}
    return module.XyloLayer(**fields), fans  # the layer does not keep the synapses alive


def one(shifts: set[int]) -> int:
    assert len(shifts) <= 1, "one shift for all weights of a kind"
    return shifts.pop() if shifts else 0


def recording(job: Job) -> dict[str, np.ndarray]:
    module = {"xylo-v1": xylosim.v1, "xylo-v2": xylosim.v2}[job.target]
    _, place = blocks(job)
    chip, _kept = layer(job, module)
    samples = []
    for k in range(job.codes.shape[1]):
        chip.reset_all()
        out = np.array(chip.evolve(job.codes[:, k].tolist()))
        steps = len(out)
        spikes, v = np.array(chip.rec_recurrent_spikes)[-steps:], np.array(chip.rec_v_mem).T[-steps:]
        current = np.array(chip.rec_i_syn).T[-steps:]
        found = {f"{job.readout}.spikes": out, f"{job.readout}.v_post": np.array(chip.rec_v_mem_out).T[-steps:]}
        for name, where in place.items():
            found |= {f"{name}.spikes": spikes[:, where], f"{name}.v_post": v[:, where]}
            found |= {f"{name}.current0": current[:, where]}
        samples.append(found)
    return stacked(samples)


if __name__ == "__main__":
    run(recording)
