"""Ways to break proofs, explorations, the way from floats to integers and the command line."""

from __future__ import annotations

from mutant import Mutant

CERTIFY = "tests/certificate/test_certificate.py"
SOUND = "tests/certificate/test_sound.py"
TIGHT = "tests/certificate/test_tight.py"
SWEEP = "tests/exploring/test_sweeping.py"
LAYERS = "tests/exploring/test_layers.py"
DELAYS = "tests/quantization/test_delays.py"
FEEDING = "tests/quantization/test_feeding.py"
LEAKS = "tests/quantization/test_leaks.py"
RUNNING = "tests/cli/test_running.py"
MAIN = "tests/cli/test_main.py"

DEEP_MUTANTS = [
    # what is proved
    Mutant("certificate/analysis.py", "np.maximum(value.hi, queue.max(axis=0))", "value.hi", CERTIFY),
    Mutant("certificate/analysis.py", "given = hull(given, NOTHING)", "given = given", CERTIFY),
    Mutant("certificate/analysis.py", "hull(first.v, later.v)", "later.v", SOUND),
    Mutant("certificate/analysis.py", "((q == 0) |", "(", CERTIFY),
    Mutant("certificate/certificate.py", "& (self.before.hi <= self.hi)", "", CERTIFY),
    Mutant("certificate/certificate.py", "return self.spikes.hi == 0", "return self.spikes.lo == 0", CERTIFY),
    Mutant("certificate/certificate.py", "np.maximum(self.hi, -1 - self.lo)", "np.maximum(self.hi, -self.lo)", CERTIFY),
    Mutant(
        "certificate/certificate.py", "max(-int(given.lo.min()), int(given.hi.max()))", "int(given.hi.max())", CERTIFY
    ),
    Mutant(
        "certificate/certificate.py", "if not membrane.safe.all():\n        wide", "if False:\n        wide", CERTIFY
    ),
    Mutant("certificate/certificate.py", "not found.ops.events_overflow.any()", "True", CERTIFY),
    Mutant("certificate/closed_state.py", "(b.lo < a.lo) | (b.hi > a.hi)", "(b.hi > a.hi)", SOUND),
    Mutant("certificate/closed_state.py", "np.where(out, good[i], middle[i])", "middle[i]", TIGHT),
    # what is explored
    Mutant("exploring/sweeping.py", "counts[0] >= counts[1] and", "counts[0] > counts[1] and", SWEEP),
    Mutant("exploring/sweeping.py", 'or (b["unsafe"] and not a["unsafe"])', "", SWEEP),
    Mutant(
        "exploring/sweeping.py", 'count = row["same"] if row["right"] is None', 'count = row["same"] if True', SWEEP
    ),
    Mutant("exploring/sweeping.py", "(task.x, task.labels, task.calibration)", "(task.x, task.labels)", SWEEP),
    Mutant("exploring/sweeping.py", '("" if ends else "\\n") + canonical', "canonical", SWEEP),
    Mutant("exploring/trial.py", "None if None in headrooms else min", "None if None in headrooms else max", SWEEP),
    Mutant("exploring/trial.py", "not proof.safe", "proof.safe", SWEEP),
    Mutant("exploring/trial.py", "task.x if task.calibration is None else task.calibration", "task.x", SWEEP),
    Mutant("exploring/mixing.py", "lost / saved, -saved", "-saved, lost / saved", LAYERS),
    Mutant("exploring/mixing.py", "and _good(tried) < floor", "and _good(tried) <= floor", LAYERS),
    Mutant("exploring/mixing.py", "max_drop / 100 * row", "max_drop * row", LAYERS),
    Mutant("exploring/sparing.py", "2 * both[0] / both[1]", "both[0] / both[1]", LAYERS),
    Mutant("exploring/sparing.py", "if other != name", "if True", LAYERS),
    Mutant("exploring/sparing.py", "(row.alone.rate, -row.spared.rate)", "(-row.alone.rate, row.spared.rate)", LAYERS),
    # from floats to integers
    Mutant("quantization/delays.py", "self.lag(source) + self.seen", "self.lag(source)", DELAYS),
    Mutant(
        "quantization/delays.py", "max(0, self._natural(source) - self._trained(edge))", "self._natural(source)", DELAYS
    ),
    Mutant("quantization/delays.py", "len(members) * self.seen", "self.seen", DELAYS),
    Mutant("quantization/delays.py", "late[self._adjustable(edge)]", "late[edge]", DELAYS),
    Mutant("quantization/feeding.py", "if isinstance(n, FloatAvgPool)", "if False", FEEDING),
    Mutant("quantization/feeding.py", "node.w_in if isinstance(node, FloatCubaLIF) else 1.0", "1.0", FEEDING),
    Mutant("quantization/feeding.py", "for other in reversed(after):", "for other in after:", FEEDING),
    Mutant("quantization/leaks.py", "else max(0, 1 - offset)", "else 0", LEAKS),
    Mutant("quantization/leaks.py", "(1 << self.bits) - (offset or 0)", "(1 << self.bits)", LEAKS),
    # what the command line says
    Mutant("cli/outcome.py", 'if finding.severity != "error":', "if False:", MAIN),
    Mutant("cli/outcome.py", "or finding.code in USAGE", "", MAIN),
    Mutant("cli/outcome.py", "default=HOLDS", "default=FOUND", RUNNING),
    Mutant("cli/verbs/simulate.py", '(*record, "spikes")', "record", RUNNING),
    Mutant("cli/verbs/simulate.py", "(predicted.labels == labels).sum()", "len(labels)", RUNNING),
    Mutant("cli/verbs/export.py", "form=form, inputs=x", "inputs=x", RUNNING),
    Mutant("cli/verbs/compare.py", 'if given.dtype.kind == "f" else given', "", RUNNING),
]
