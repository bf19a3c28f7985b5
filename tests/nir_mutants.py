"""Ways to break how files of other tools are read; ``mutant_list.py`` lists them with the rest."""

from __future__ import annotations

from mutant import Mutant

RESETS = "tests/export/test_nir_resets.py::test_"
FOREIGN = "tests/export/test_nir_foreign.py::test_"
NODES = f"{RESETS}spikes_are_those_of_snntorch_by_rule_of_each_node"
WORD = f"{RESETS}spikes_are_those_of_snntorch_by_one_word_and_reset_delay"
ONE = f"{RESETS}one_word_is_what_the_neuron_makes_of_it"
WRONG = f"{RESETS}a_wrong_option_is_one_finding_about_it"
MEANT = f"{FOREIGN}values_that_no_tool_could_have_meant"
FIRST = f"{FOREIGN}the_source_is_asked_for_first"
END = f"{FOREIGN}how_it_was_read_goes_to_the_end"

NIR_MUTANTS = (
    Mutant("neurons/membrane.py", 'if self.reset == "none":', "if False:", f"{NODES}[Leaky-none-late]"),
    Mutant(
        "export/nir_torch_sources.py",
        '{"refractory": 2} if asked',
        '{"refractory": 1} if asked',
        f"{NODES}[RLeaky-zero-late]",
    ),
    Mutant("export/nir_torch_sources.py", 'word == "none" or not neuron', "not neuron", f"{NODES}[RLeaky-none-late]"),
    Mutant("export/nir_torch_sources.py", "held = delay is not False or", "held = delay is True or", ONE),
    Mutant("export/nir_torch_sources.py", 'or neuron == "RSynaptic"  # told', "# told", f"{WORD}[RSynaptic-zero-now]"),
    Mutant("export/nir_torch_sources.py", "if delay is None and named:", "if delay is None:", ONE),
    Mutant(
        "export/nir_torch_sources.py",
        'delay is False and neuron != "RSynaptic":\n            found',
        "False:\n            found",
        f"{RESETS}subtracting_at_once_is_refused",
    ),
    Mutant(
        "export/nir_torch_sources.py",
        'delay is None and neuron != "RLeaky"',
        "False",
        f"{RESETS}what_one_word_leaves_open_is_asked_for",
    ),
    Mutant("export/nir_resets.py", "if sources == targets == [node]:", "if False:", ONE),
    Mutant(
        "export/nir_resets.py",
        "if rest is None and missing:",
        "if rest is None and not own:",
        f"{RESETS}missing_rules_are_asked_for_by_node",
    ),
    Mutant("export/nir_resets.py", "if node in own:", "if False:", WRONG),
    Mutant("export/nir_foreign.py", "    _require_options(name, source, told)\n", "", WRONG),
    Mutant("export/nir_source.py", "(decay < -SLOP) | (decay > 1 + SLOP)", "(decay > 1 + SLOP)", MEANT),
    Mutant(
        "export/nir_source.py", "SLOP = 1e-6", "SLOP = 0.0", f"{FOREIGN}decays_of_exactly_zero_and_one_may_be_meant"
    ),
    Mutant(
        "export/nir_source.py",
        'name == "tau" and made.spiking and',
        'name == "tau" and',
        f"{FOREIGN}decays_of_exactly_zero_and_one_may_be_meant",
    ),
    Mutant("export/nir_source.py", 'rates.append(("tau_syn"', '[].append(("tau_syn"', MEANT),
    Mutant("export/nir_source.py", "if (decay < -SLOP).any():\n        raise", "if False:\n        raise", MEANT),
    Mutant("export/nir_fitting.py", "not _makes(source, given, step / 2)", "False", FIRST),
    Mutant("export/nir_fitting.py", "not 0 < every[0] < 1", "not 0 < every[0]", FIRST),
    Mutant("export/nir_fitting.py", 'name.endswith(".w_rec")', "False", f"{FOREIGN}names_of_snntorch_ask_for_it_too"),
    Mutant("quantization/quantizing.py", "        origin=network.origin,\n", "", END),
    Mutant("export/provenance.py", "        **stated(network.origin),\n", "", END),
    Mutant("bundle/saving.py", "            **stated(q.origin),\n", "", END),
    Mutant("fidelity/comparing.py", "        origin=f.origin,\n", "", END),
    Mutant(
        "export/nir_profiles/neuron.py",
        'spiking.reset not in ("subtract", "value")',
        "False",
        f"{RESETS}a_membrane_without_reset_goes_on",
    ),
    Mutant(
        "quantization/features.py", 'if node.reset == "none":', "if False:", f"{RESETS}a_membrane_without_reset_goes_on"
    ),
    Mutant(
        "export/onnx_neurons.py", 'if node.reset == "none":', "if False:", f"{RESETS}a_membrane_without_reset_goes_on"
    ),
)
