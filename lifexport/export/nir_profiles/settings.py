"""What must be done on an importer's side, beside reading the file."""

from __future__ import annotations

from typing import NamedTuple


class Setting(NamedTuple):
    """One thing to set.

    ``says`` what it does, ``code`` what is typed; ``argument`` whether it is given to the import itself.
    """

    says: str
    code: str
    argument: bool = False


SINABS = "[setattr(m, {}, {}) for m in net.modules() if isinstance(m, (sinabs.layers.LIF, sinabs.layers.IAF))]"
ROCKPOOL = "[setattr(m, {}, {}) for m in net.modules() if hasattr(m, 'max_spikes_per_dt')]"

SETTINGS: dict[str, Setting] = {
    "reset_subtract": Setting(
        "resets take the threshold off", "reset_method=norse.torch.functional.reset.reset_subtract", argument=True
    ),
    "exponential": Setting("decays are exponential", "integrator=IntegratorMethod.EXPONENTIAL", argument=True),
    "config_subtract": Setting("resets take the threshold off", "reset=ResetMethod.SUBTRACT", argument=True),
    "config_zero": Setting("resets are to 0", "reset=ResetMethod.ZERO", argument=True),
    "single_spike": Setting("one spike a step", SINABS.format("'spike_fn'", "sinabs.activation.SingleSpike")),
    "membrane_reset": Setting("resets are to 0", SINABS.format("'reset_fn'", "sinabs.activation.MembraneReset()")),
    "no_min_v_mem": Setting("membranes have no lower limit", SINABS.format("'min_v_mem'", "None")),
    "lava_neurons": Setting(
        "layers of other sizes than 7", "n_neurons = node.v_threshold.size  # in place of 7, in _nir_node_to_lava_dl"
    ),
    "max_one_spike": Setting("one spike a step", ROCKPOOL.format("'max_spikes_per_dt'", "torch.tensor(1.0)")),
}
