"""nengo-loihi 1.1.0 (numpy < 2): a LoihiBlock for every population, in the emulator; a fresh one for every sample."""

from __future__ import annotations

import warnings

import numpy as np
from common import Job, run, stacked
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput
from nengo_loihi.probe import LoihiProbe

KEYS = {"v_post": "voltage", "current0": "current", "spikes": "spiked"}
EmulatorInterface.strict = False  # sums and currents may wrap, as they do on the chip


def block(node: dict) -> LoihiBlock:
    found = LoihiBlock(node["threshold"].size)
    cells = found.compartment
    cells.decay_u = (4095 - node["current_decay"][0]).astype(np.int32)
    cells.decay_v = (4096 - node["decay"]).astype(np.int32)
    cells.vth, cells.bias = node["threshold"].astype(np.int32), node["bias"].astype(np.int32)
    cells.refract_delay = node["refractory"].astype(np.int32)
    cells.vmin, cells.vmax, cells.scale_u, cells.scale_v = node["lo"], node["hi"], False, False
    return found


def sample(job: Job, codes: np.ndarray) -> dict[str, np.ndarray]:
    model, stimulus = Model(), SpikeInput(codes.shape[1])
    for step, row in enumerate(codes):
        if row.any():
            stimulus.add_spikes(step + 1, np.flatnonzero(row), permanent=True)
    model.add_input(stimulus)
    sources, probes = {job.named("input")[0]: stimulus}, {}
    for name in job.named("population"):
        sources[name] = block(job.nodes[name])
        model.add_block(sources[name])
        for what, key in KEYS.items():
            probes[f"{name}.{what}"] = LoihiProbe(target=sources[name], key=key)
            model.add_probe(probes[f"{name}.{what}"])
    for before, name, after, late in job.ways():
        assert late == 1, "a spike arrives in the next step"
        weight = (job.nodes[name]["weight"].T << job.nodes[name]["shift"]).astype(np.int32)
        synapse = Synapse(len(weight))
        synapse.set_weights(np.zeros(weight.shape, np.float32))
        synapse.weights = [row[None] for row in weight]
        sources[after].add_synapse(synapse)
        axon = Axon(len(weight))
        axon.target = synapse
        axon.set_compartment_axon_map(np.arange(len(weight)))
        sources[before].add_axon(axon)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with EmulatorInterface(model, seed=0) as emulator:
            emulator.run_steps(len(codes))
            return {
                key: np.array(emulator.collect_probe_output(probe)).astype(np.int64) for key, probe in probes.items()
            }


def recording(job: Job) -> dict[str, np.ndarray]:
    return stacked([sample(job, job.codes[:, k]) for k in range(job.codes.shape[1])])


if __name__ == "__main__":
    run(recording)
