"""What a target allows becomes the rules of a population; everything else is refused by name."""

from __future__ import annotations

import pytest

from lifexport.errors import RangeError, UnknownNameError, UnsupportedError
from lifexport.neurons import Current, Leak, Rules, Word
from lifexport.targets import choose_rules, load_target, target_names


def test_defaults_of_the_free_core_are_the_defaults_of_the_rules():
    assert choose_rules(load_target("fpga-q")) == Rules(membrane=Word.signed(16), leak=Leak(bits=12))


def test_choices_of_the_free_core():
    rules = choose_rules(
        load_target("fpga-q"), state_bits=9, overflow="wrap", decay_bits=5, rounding="half_even", reset="value"
    )
    leak = Leak(bits=5, rounding="half_even")
    assert rules == Rules(membrane=Word.signed(9, "wrap"), leak=leak, reset="value")


def test_a_chip_in_full():
    top = 2**23
    towards_zero = Leak(bits=12, rounding="toward_zero")
    assert choose_rules(load_target("loihi1-nengo"), state_lo=-127, state_hi=2**11 - 1) == Rules(
        membrane=Word(lo=-127, hi=2047),
        leak=towards_zero,
        sum_word=Word.signed(22, "wrap"),
        current=Current(word=Word(lo=-top, hi=top - 1, overflow="wrap"), leak=towards_zero),
        drive_word=Word(lo=-top, hi=top - 1, overflow="wrap"),
        compare=">",
        reset="value",
        reset_when="step_end",
        refractory=True,
    )


def test_a_membrane_that_relaxes_towards_its_input():
    target = load_target("spinnaker1-unverified")
    leak = Leak(kind="toward_input", bits=15, rounding="half_up", gain_bits=15)
    word = Word.signed(32, "wrap")
    rules = Rules(membrane=word, leak=leak, reset="value", reset_when="step_end", refractory=True, waits_at="membrane")
    assert choose_rules(target) == rules
    assert choose_rules(target, refractory=False).waits_at == "zero"


@pytest.mark.parametrize(
    ("target", "choice", "kind", "said"),
    [
        ("fpga-q", {"state_bits": 7}, RangeError, r"LX202.*state_bits.*8\.\.24"),
        ("fpga-q", {"state_lo": -5}, UnsupportedError, r"LX203.*state_lo.*no such choice"),
        ("fpga-q", {"overflow": "wrap_once"}, UnsupportedError, r"LX203.*overflow.*saturate, wrap"),
        ("fpga-q", {"max_spikes": 31}, UnsupportedError, r"LX203.*max_spikes.*known: 0, 1"),
        ("spikerplus", {"synapses": 1}, UnsupportedError, r"LX203.*synapses"),
        ("fpga-q", {"synapses": 2}, RangeError, r"LX202.*synapses"),
        ("loihi-lava", {"refractory": True}, UnsupportedError, r"LX203.*refractory"),
        ("loihi-lava", {"state_bits": 24}, UnsupportedError, r"LX203.*state_bits"),
        ("loihi-lava", {"reset": "subtract"}, UnsupportedError, r"LX203.*reset.*value"),
        ("loihi-lava", {"rounding": "floor"}, UnsupportedError, r"LX203.*rounding.*toward_zero"),
        ("loihi1-nengo", {"state_lo": -100}, RangeError, r"LX202.*state_lo.*-127"),
        ("xylo-v2", {"synapses": 3}, RangeError, r"LX202.*synapses.*1\.\.2"),
        ("xylo-v1", {"decay_bits": 4}, UnsupportedError, r"LX203.*decay_bits"),
        ("spinnaker1-unverified", {"rounding": "floor"}, UnsupportedError, r"LX203.*rounding.*half_up"),
        ("spinnaker1-unverified", {"decay_bits": 12}, RangeError, r"LX202.*decay_bits.*15\.\.15"),
        ("sinabs-iaf", {"state_lo": 5}, RangeError, r"LX202.*state_lo.*\.\.0"),
    ],
)
def test_what_a_target_does_not_allow(target, choice, kind, said):
    with pytest.raises(kind, match=said):
        choose_rules(load_target(target), **choice)


@pytest.mark.parametrize("name", target_names())
def test_every_shipped_target_says_how_it_is_known(name):
    target = load_target(name)
    for section in target.document:
        if section not in ("schema", "name", "description", "status", "sources", "evidence", "time"):
            known = target.evidence(section)
            assert known["how"] in ("measured", "documented", "assumed") and known["source"]
    measured = {entry["how"] for entry in target.document["evidence"].values()} >= {"measured"}
    assert measured == bool(target.document["status"]["checked_against"])
    assert target.document["status"]["not_verified"]


def test_the_closest_evidence_speaks():
    lava = load_target("loihi-lava")
    assert lava.evidence("weight.bits.max")["how"] == "documented"
    assert lava.evidence("weight.step")["how"] == "measured"
    with pytest.raises(UnknownNameError, match=r"LX001.*'weigth'.*did you mean 'weight'"):
        lava.evidence("weigth")
