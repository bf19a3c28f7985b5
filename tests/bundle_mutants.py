"""Ways to break bundles, reports and explorations, and the tests that must notice."""

from __future__ import annotations

from mutant import Mutant

TENSORS = "tests/bundle/test_tensors.py"
SEALING = "tests/bundle/test_sealing.py"
LINKS = "::test_links_are_refused_wherever_they_are"
SAVING = "tests/bundle/test_saving.py"
DOCUMENT = "tests/bundle/test_intnetwork.py"
CAUSES = "tests/fidelity/test_causes.py"
TRAINS = "tests/fidelity/test_trains.py"
VERDICT = "tests/fidelity/test_verdict.py"
COST = "tests/costing/test_costing.py"
STATISTICS = "tests/fidelity/test_statistics.py"
EVIDENCE = "tests/fidelity/test_evidence.py"
STATED = "tests/bundle/test_stated.py"
FORGED = "tests/bundle/test_stated.py::test_every_figure_that_follows_from_others_is_held_against_them"
SWEEP = "tests/exploring/test_sweeping.py"
LAYERS = "tests/exploring/test_layers.py"
PAGE = "tests/reporting/test_page.py"
STORIES = "tests/stories/test_user_stories.py::test_a_colleague_without_a_taste_for_python"

BUNDLE_MUTANTS = [
    Mutant("bundle/tensors.py", "np.arange(1, len(words) + 1", "np.arange(0, len(words)", TENSORS),
    Mutant("bundle/tensors.py", 'if sha256(restored) == entry["sha256"]:', "if True:", TENSORS),
    Mutant("bundle/opening.py", 'file_sha256(path) != entry["sha256"]', "False", SEALING),
    Mutant("bundle/manifest.py", "sorted(folders + names)", "sorted(names)", SEALING + LINKS),
    Mutant("bundle/manifest.py", "in os.walk(folder)", "in [next(os.walk(folder), (folder, [], []))]", SEALING + LINKS),
    Mutant("bundle/opening.py", 'document["seal"] != expected.lower()', "False", SEALING),
    Mutant("bundle/manifest.py", 'and ".." not in parts', "", SEALING),
    Mutant("bundle/manifest.py", "read_bytes(path) != _text(document) or", "", SEALING),
    Mutant("bundle/manifest.py", "return there(folder) <= listed", "return True", SAVING),
    Mutant("bundle/documents.py", 'q.digest(), digests["integer"]', 'digests["integer"], digests["integer"]', SEALING),
    Mutant("bundle/intnetwork.py", 'if q.digest() != document["digest"] or', "if", DOCUMENT),
    Mutant("bundle/replaying.py", "if not differs.any():", "if True:", SEALING),
    Mutant("bundle/hdl.py", "int(value) & mask", "abs(int(value)) & mask", STORIES),
    Mutant("files.py", "and not replaces(place):", "and False:", SAVING),
    Mutant("fidelity/realised.py", "q.rules.leak.realised(q.decay)", "node.decay + 0 * q.decay", CAUSES),
    Mutant("fidelity/realised.py", "q.fires_at()[0].astype(float)", "(q.threshold + 1.0)", CAUSES),
    Mutant("fidelity/realised.py", "values.astype(float)", "0 * values.astype(float)", CAUSES),
    Mutant("fidelity/alone.py", "np.concatenate([late, rows])[: len(rows)]", "rows", CAUSES),
    Mutant("fidelity/trains.py", ".sum(axis=0) + after", ".sum(axis=0)", TRAINS),
    Mutant("fidelity/verdict.py", "min(rows) if least else max(rows)", "max(rows) if least else min(rows)", VERDICT),
    Mutant("fidelity/verdict.py", "value >= asked if least", "value > asked if least", VERDICT),
    Mutant("simulation/real_ops.py", "return x * m / (1 << k)", "return np.floor(x * m / (1 << k))", CAUSES),
    Mutant("costing/costing.py", "(len(node.weight) // node.groups)", "len(node.weight)", COST),
    Mutant("costing/costing.py", "minlength=places + 1)[1:]", "minlength=places + 1)[:-1]", COST),
    Mutant("costing/memory.py", "node.weight.size * (node.weight_bits - unstored)", "node.weight.size * 8", COST),
    Mutant("exploring/sweeping.py", 'if a["unsafe"] and not b["unsafe"]:', "if False:", SWEEP),
    Mutant("exploring/sweeping.py", "if done.row(choices) is None", "if True", SWEEP),
    Mutant(
        "exploring/hybrid.py",
        "then = network.nodes[edge.source], t - edge.delay",
        "then = network.nodes[edge.source], t",
        LAYERS,
    ),
    Mutant(
        "exploring/hybrid.py",
        "if name not in self.integers:\n            return cell.step",
        "if True:\n            return cell.step",
        LAYERS,
    ),
    Mutant("exploring/mixing.py", "min(steps, key=", "max(steps, key=", LAYERS),
    Mutant("reporting/page.py", "autoescape=True", "autoescape=False", PAGE),
    Mutant("reporting/sample.py", "realised = aligned(f, q, chip, lags, len(x))", "realised = chip", PAGE),
    Mutant("reporting/sample.py", "if wanted is not None:", "if False:", PAGE),
    Mutant("reporting/page.py", '"trained network" if a > b', '"trained network" if a < b', PAGE),
    Mutant("reporting/page.py", "return None if a == b else", "return", PAGE),
    Mutant("reporting/page.py", "if theirs != here:", "if False:", PAGE),
    Mutant("reporting/rasters.py", "np.where(a > b, MORE_FLOAT", "np.where(a >= b, MORE_FLOAT", PAGE),
    Mutant("reporting/rasters.py", "np.maximum.reduceat", "np.minimum.reduceat", PAGE),
    Mutant("reporting/drawing.py", "matplotlib.rcdefaults()", "pass", PAGE),
    Mutant("reporting/drawing.py", '{"svg.hashsalt": name}', '{"svg.hashsalt": "page"}', PAGE),
    Mutant("fidelity/parameters.py", "population.scale * _kept(population)", "population.scale", PAGE),
    Mutant("fidelity/statistics.py", "** 2) / (self.total + 2))", "** 2) / self.total)", STATISTICS),
    Mutant("fidelity/statistics.py", " or self.signal == 0.0", "", STATISTICS),
    Mutant("fidelity/verdict.py", "100 * (change.lost - change.gained)", "100 * change.lost", VERDICT),
    Mutant("fidelity/verdict.py", "if row.spikes_float and not row", "if not row", VERDICT),
    Mutant(
        "fidelity/verdict.py",
        "(most if certain else points) <= asked",
        "points <= asked",
        EVIDENCE + "::test_certainty_is_the_end_of_the_interval",
    ),
    Mutant(
        "fidelity/verdict.py",
        "(least if certain else rate) >= asked",
        "rate >= asked",
        EVIDENCE + "::test_certainty_is_the_end_of_the_interval",
    ),
    Mutant(
        "fidelity/verdict.py", "evidence=row.name not in doubtful", "evidence=True", EVIDENCE + "::test_nothing_fires"
    ),
    Mutant(
        "fidelity/evidence.py", "if number == 1]", "if number == 0]", EVIDENCE + "::test_one_class_for_every_sample"
    ),
    Mutant(
        "fidelity/evidence.py",
        "if report.distinct < needed:",
        "if report.samples < needed:",
        EVIDENCE + "::test_copies_of_samples_are_not_more_samples",
    ),
    Mutant(
        "fidelity/evidence.py",
        "about = RUN if len(silent) == len(spiking) else SPIKES",
        "about = SPIKES",
        EVIDENCE + "::test_nothing_fires",
    ),
    Mutant(
        "fidelity/evidence.py",
        "if shared is None or not shared.found:",
        "if True:",
        EVIDENCE + "::test_evaluated_samples_that_were_calibrated_on",
    ),
    Mutant(
        "samples.py",
        'if self.count > len(kept) else "g"',
        'if False else "g"',
        EVIDENCE + "::test_samples_are_told_by_what_they_are",
    ),
    Mutant("samples.py", ") + 0.0 for i in", ") for i in", EVIDENCE + "::test_samples_are_told_by_what_they_are"),
    Mutant(
        "costing/costing.py", "spikes=int(trace.spikes[name].sum(", "spikes=int((trace.spikes[name] > 0).sum(", COST
    ),
    Mutant("costing/memory.py", "word - node.threshold_shift", "word", COST),
    Mutant("costing/memory.py", "if same or per_layer", "if same", COST),
    Mutant("cli/outcome.py", "HOLDS if report.ok else FOUND", "HOLDS", EVIDENCE + "::test_nothing_fires"),
    Mutant(
        "fidelity/impossible.py",
        "(gained, lost) != (change.gained, change.lost) or",
        "",
        STATED + "::test_forged_reports",
    ),
    Mutant(
        "bundle/consistency.py",
        "memory=memory(q)",
        "memory=memory(q)[:0]",
        STATED + "::test_costs_are_held_against_network_and_run",
    ),
    Mutant("bundle/consistency.py", "weights=tuple(weight_fidelity(f, q))", "weights=followed.weights", FORGED),
    Mutant("bundle/stating.py", "rel_tol=ROUNDING", "rel_tol=0.1", FORGED),
    Mutant(
        "bundle/measuring.py",
        "if page.encode() != ",
        "if False and page.encode() != ",
        STATED + "::test_a_forged_page_and_figures_are_found_once_the_inputs_are_there",
    ),
    Mutant(
        "bundle/verifying.py",
        "not np.array_equal(q.encode(vectors.x).codes, vectors.codes)",
        "False",
        STATED + "::test_real_golden_inputs_are_those_of_the_codes",
    ),
]
"""Words select them, as ``python tests/mutants.py bundle/ fidelity/``."""
