"""Descriptions that fit the schema and contradict themselves."""

from __future__ import annotations

import pytest

from lifexport.errors import FileError
from lifexport.targets import Target, load_target


def put(document, path, value):
    *parents, last = path.split(".")
    for name in parents:
        document = document[name]
    if value is ...:
        del document[last]
    else:
        document[last] = value


SATURATING = {"lo": -8, "hi": 7, "overflow": ["saturate"]}

CURRENT = load_target("loihi-lava").document["current"]

CASES = [
    ("fpga-q", {"state.bits.min": 25}, r"state\.bits.*order them"),
    ("fpga-q", {"state.bits.default": None}, r"state\.bits\.default: null"),
    ("fpga-q", {"weight.shift": {"min": 3, "max": 2}}, r"weight\.shift.*order them"),
    ("sinabs-iaf", {"state.lo.default": 1}, r"state\.lo.*order them"),
    ("fpga-q", {"threshold.bits.max": 25}, r"threshold\.bits\.max: 25"),
    ("fpga-q", {"state.lo": -8, "state.hi": 7}, r"state: bits, hi, lo, overflow; fix: give either"),
    ("loihi-lava", {"state.lo": ...}, r"state: hi, overflow; fix: give either"),
    ("loihi-lava", {"current.word.lo": 9000000}, r"current\.word: 9000000\.\.8388608"),
    ("loihi-lava", {"current.word.lo": [-1, -2]}, r"current\.word: a choice of limits"),
    ("fpga-q", {"leak.rounding": ...}, r"leak: a multiply leak without rounding"),
    ("xylo-v1", {"leak.rounding": ["floor"]}, r"leak\.rounding: for a shift leak"),
    ("fpga-q", {"leak.at_least_one": True}, r"leak\.at_least_one: for a multiply leak"),
    ("fpga-q", {"increment": SATURATING, "bias.into": "increment"}, r"increment: without a current and a shift leak"),
    ("sinabs-iaf", {"drive": SATURATING, "bias.into": "drive"}, r"drive: without a current"),
    ("xylo-v2", {"increment.lo": -100, "increment.hi": 100}, r"increment: 201 values"),
    ("xylo-v2", {"bias.into": "membrane"}, r"bias\.into: 'membrane'.*'increment'"),
    ("loihi1-nengo", {"bias.into": "membrane"}, r"bias\.into: 'membrane'.*'drive'"),
    ("xylo-v1", {"accumulate.word": SATURATING}, r"accumulate\.word: for inputs that are never summed"),
    ("spikerplus", {"reset.when": "step_end"}, r"reset\.when: 'step_end'.*\n.*leak\.on_fire: false"),
    ("tinyodin", {"leak.when": "before_input"}, r"leak\.when"),
    ("fpga-q", {"leak.when": "on_tick"}, r"leak\.when"),
    ("fpga-q", {"leak.gain_bits": 15}, r"leak\.gain_bits: for a multiply leak"),
    ("spinnaker1-unverified", {"leak.rounding": ...}, r"leak: a toward_input leak without rounding"),
    ("spinnaker1-unverified", {"leak.offset": 1}, r"leak\.offset: for a toward_input leak"),
    ("spinnaker1-unverified", {"bias.into": "membrane"}, r"bias\.into: 'membrane'.*'input'"),
    ("spinnaker1-unverified", {"accumulate.order": "per_event"}, r"accumulate\.order: 'per_event'"),
    ("spinnaker1-unverified", {"leak.on_fire": False}, r"leak\.on_fire: false.*true: without"),
    ("spinnaker1-unverified", {"time": "event", "leak.when": "on_tick"}, r"time: 'event'"),
    ("spinnaker1-unverified", {"current": CURRENT}, r"current: with a leak towards the input"),
    ("fpga-q", {"evidence.leak": ...}, r"evidence\.leak: nothing"),
    ("fpga-q", {"evidence.leek": {"how": "assumed", "source": "free"}}, r"evidence\.leek: a path that leads nowhere"),
    ("fpga-q", {"evidence.leak.source": "book"}, r"evidence\.leak\.source: 'book'; fix: use free"),
]


@pytest.mark.parametrize(("name", "change", "said"), CASES, ids=[f"{c[0]}-{'-'.join(c[1])}" for c in CASES])
def test_contradictions_are_told(name, change, said):
    document = load_target(name).document
    for path, value in change.items():
        put(document, path, value)
    with pytest.raises(FileError, match=rf"(?s)LX201.*{said}"):
        Target(document)
