"""lava-nc 0.10 (Python 3.10): Dense or DelayDense and LIF in fixed point, all samples in one run, state reset between.

``v`` and ``u`` are set back to their start and ``Dense.a_buff``, which carries what was sent in the last step, to 0.
"""

from __future__ import annotations

import numpy as np
from common import Job, run, stacked
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF
from lava.proc.monitor.process import Monitor


def weights(job: Job, name: str, source: str, steps: int):
    node = job.nodes[name]
    graded = source in job.named("input") and job.codes.max() > 1
    fields = {
        "weights": node["weight"].astype(np.int32),
        "weight_exp": node["shift"] - node["drop"] - 6,
        "num_weight_bits": 8,
        "num_message_bits": int(job.codes.max()).bit_length() if graded else 0,
    }
    if steps == 1:
        return Dense(**fields)
    return DelayDense(delays=np.full(node["weight"].shape, steps - 1), max_delay=62, **fields)


def neurons(node: dict) -> LIF:
    (threshold,), (decay,), (current,) = (np.unique(node[f]) for f in ("threshold", "decay", "current_decay"))
    exponent = node["bias_shift"]
    return LIF(
        shape=node["threshold"].shape,
        vth=int(threshold) >> 6,
        dv=4096 - int(decay),
        du=4095 - int(current),
        bias_mant=(node["bias"] >> exponent).astype(np.int32),
        bias_exp=np.full(node["bias"].shape, exponent),
        v=node["v_initial"].astype(np.int32),
        u=node["current_initial"][0].astype(np.int32),
    )


def recording(job: Job) -> dict[str, np.ndarray]:
    steps, samples, _ = job.codes.shape
    source = Source(data=job.codes.transpose(1, 0, 2).reshape(steps * samples, -1).T.astype(np.int32))
    populations = {name: neurons(job.nodes[name]) for name in job.named("population")}
    dense = {}
    for before, name, after, late in job.ways():
        dense[name] = weights(job, name, before, late)
        populations.get(before, source).s_out.connect(dense[name].s_in)
        dense[name].a_out.connect(populations[after].a_in)
    monitors = {}
    for name, lif in populations.items():
        for what, variable in (("v_post", lif.v), ("current0", lif.u), ("spikes", lif.s_out)):
            monitors[name, what] = Monitor()
            monitors[name, what].probe(variable, steps * samples)
    last = populations[job.readout]
    for sample in range(samples):
        last.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        if sample + 1 < samples:
            reset(job, populations, dense)
    rows = {
        f"{name}.{what}": next(iter(m.get_data()[populations[name].name].values()))
        for (name, what), m in monitors.items()
    }
    last.stop()
    rows = {key: values.astype(np.int64).reshape(samples, steps, -1) for key, values in rows.items()}
    return stacked([{key: values[k] for key, values in rows.items()} for k in range(samples)])


def reset(job: Job, populations: dict, dense: dict) -> None:
    for name, lif in populations.items():
        lif.v.set(job.nodes[name]["v_initial"].astype(np.int32))
        lif.u.set(job.nodes[name]["current_initial"][0].astype(np.int32))
    for process in dense.values():
        process.a_buff.set(np.zeros(process.a_buff.shape, np.int32))


if __name__ == "__main__":
    run(recording)
