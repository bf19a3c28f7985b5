"""Ways to leave a door open: bounds of files, locks, overwriting, the lag of a recording; and the tests that notice."""

from __future__ import annotations

from mutant import Mutant

HOSTILE = "tests/test_hostile_files.py"
RECORDED = "tests/bundle/test_recorded.py"
OVER = "tests/test_overwriting.py"
MAIN = "tests/cli/test_main.py::test_a_signal_ends_what_does_not_hear_of_it"

DOOR_MUTANTS = [
    Mutant("regular.py", "if not stat.S_ISREG(mode):", "if False:", f"{HOSTILE}::test_what_is_no_file_is_never_opened"),
    Mutant("regular.py", "held < about.st_size // SPARSE", "False", f"{HOSTILE}::test_a_file_of_holes_is_no_file"),
    Mutant(
        "archives.py",
        "if total > (room := ",
        "if total > 1e18 + (room := ",
        f"{HOSTILE}::test_an_archive_may_expand_but_not_without_end",
    ),
    Mutant(
        "archives.py",
        "if len(data) > self.most:",
        "if False:",
        f"{HOSTILE}::test_archives_that_claim_more_than_they_hold",
    ),
    Mutant(
        "archives.py",
        "for member in members) > size:",
        "for member in members) < 0:",
        f"{HOSTILE}::test_archives_that_claim_more_than_they_hold",
    ),
    Mutant(
        "arrayfiles.py",
        "taken + 8 * count",
        "taken + count",
        f"{HOSTILE}::test_an_archive_may_expand_but_not_without_end",
    ),
    Mutant(
        "arrayfiles.py", "and not math.prod(shape):", "and False:", f"{HOSTILE}::test_an_array_without_numbers_is_short"
    ),
    Mutant(
        "export/onnx_bounds.py",
        "if depth > DEEPEST:",
        "if depth > 900:",
        f"{HOSTILE}::test_models_that_come_to_more_than_they_say",
    ),
    Mutant(
        "export/nir_survey.py",
        ", math.prod(dataset.chunks or ())",
        ", 0",
        f"{HOSTILE}::test_nir_files_that_come_to_more_than_they_say",
    ),
    Mutant(
        "export/nir_survey.py",
        "if total > left:",
        "if False:",
        f"{HOSTILE}::test_nir_files_that_come_to_more_than_they_say",
    ),
    Mutant(
        "room.py",
        "edge.delay * math.prod",
        "0 * math.prod",
        f"{HOSTILE}::test_networks_out_of_proportion_to_their_file",
    ),
    Mutant("room.py", "if seen > SEEN:", "if False:", f"{HOSTILE}::test_networks_out_of_proportion_to_their_file"),
    Mutant("cli/ending.py", "not ended.wait(GRACE)", "False", MAIN),
    Mutant("bundle/aligning.py", "if 0 in exact or any(", "if any(", f"{RECORDED}::test_what_tells_no_time_says_so"),
    Mutant(
        "bundle/aligning.py",
        "(late == 0 or _telling(seen)) and all(",
        "False and all(",
        f"{RECORDED}::test_a_rule_is_found_behind_a_lag",
    ),
    Mutant(
        "bundle/aligning.py",
        "return any((got != got[:1]).any()",
        "return any((got == got).any()",
        f"{RECORDED}::test_what_explains_every_difference_is_named_at_lag_0[silent]",
    ),
    Mutant(
        "bundle/aligning.py",
        "got[start + late : stop + late]",
        "got[start:stop]",
        f"{RECORDED}::test_a_rule_is_found_behind_a_lag",
    ),
    Mutant(
        "bundle/aligning.py",
        "common[0] if common else found[0]",
        "told[0][0]",
        f"{RECORDED}::test_every_population_has_its_own_lag",
    ),
    Mutant(
        "bundle/explaining.py",
        "free.remove(i)",
        "pass",
        f"{RECORDED}::test_what_explains_every_difference_is_named_at_lag_0[steps]",
    ),
    Mutant(
        "bundle/recorded.py",
        "if len({*lags.values()}) == 1:",
        "if True:",
        f"{RECORDED}::test_every_population_has_its_own_lag",
    ),
    Mutant(
        "bundle/naming.py",
        "times[name.lower()] == 1",
        "True",
        f"{RECORDED}::test_a_name_that_is_none_for_a_file_is_a_number",
    ),
    Mutant(
        "bundle/manifest.py",
        'what == "integer" or',
        "",
        f"{OVER}::test_the_same_network_may_be_saved_again_and_another_one_by_name_only",
    ),
    Mutant(
        "files.py",
        "sole_writer(place),",
        "contextlib.nullcontext(),",
        f"{OVER}::test_the_second_of_two_exports_fails_by_name",
    ),
    Mutant(
        "locking.py",
        "path.unlink(missing_ok=True)  # while",
        "pass  # while",
        f"{OVER}::test_the_second_of_two_exports_fails_by_name",
    ),
    Mutant("cli/options.py", "place.samefile(other)", "place == other", f"{OVER}::test_what_is_read_is_never_written"),
    Mutant(
        "cli/options.py",
        "if (bundle := sealing(place)) is not None:",
        "if False:",
        f"{OVER}::test_a_sealed_file_is_never_written",
    ),
]
"""Words select them, as ``python tests/mutants.py regular.py archives.py``."""
