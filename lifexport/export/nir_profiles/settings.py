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


SETTINGS: dict[str, Setting] = {
    "reset_subtract": Setting(
        "resets take the threshold off", "reset_method=norse.torch.functional.reset.reset_subtract", argument=True
    ),
    "exponential": Setting("decays are exponential", "integrator=IntegratorMethod.EXPONENTIAL", argument=True),
    "config_subtract": Setting("resets take the threshold off", "reset=ResetMethod.SUBTRACT", argument=True),
    "config_zero": Setting("resets are to 0", "reset=ResetMethod.ZERO", argument=True),
    "single_spike": Setting("one spike a step", "..."),
    "membrane_reset": Setting("resets are to 0", "..."),
    "no_min_v_mem": Setting("membranes have no lower limit", "..."),
}
