"""Ways to break the code, one rule at a time, and the tests that must notice; ``mutants.py`` tries them."""

from __future__ import annotations

from bundle_mutants import BUNDLE_MUTANTS
from deep_mutants import DEEP_MUTANTS
from door_mutants import DOOR_MUTANTS
from mutant import Mutant
from nir_mutants import NIR_MUTANTS
from onnx_mutants import ONNX_MUTANTS
from vectors_mutants import VECTORS_MUTANTS

AGREE = "tests/simulation/test_backends_agree.py"
STEP = "tests/neurons/test_int_lif.py"
VECTORS = "tests/golden/test_vectors.py"
OPS = "tests/test_ops.py"
QUANT = "tests/quantization/test_fpga.py"
TARGETS = "tests/quantization/test_targets.py"
SCALES = "tests/quantization/test_scales.py"
DELAYS = "tests/quantization/test_delays.py"
SIBLINGS = "tests/train/test_neurons.py::test_every_step_is_brainpys"
SLOPES = "tests/train/test_neurons.py::test_gradients_are_those_of_the_equation"
SCANS = "tests/train/test_scans.py"
EDGES = "tests/train/test_neuron.py::test_"
CAPTURED = "tests/capturing/test_neurons.py::test_"
PROFILES = "tests/export/test_nir_profiles.py"
INTEGERS = "tests/export/test_nir_integers.py"
VERIFYING = "tests/interop/test_verifying.py"
READING = "tests/export/test_nir_reading.py"
PROFILE_NUMBERS = "tests/export/test_nir_profile_numbers.py"
PROFILE_PROOFS = "tests/export/test_nir_profile_proofs.py"
LATE_BIASES = "tests/export/test_nir_late_biases.py"
SPINNAKER = "tests/targets/test_spinnaker1.py"
LIMITS = "tests/targets/test_limits.py"
PROOFS = "tests/proofs/test_readers.py"
RANDOM = "tests/proofs/test_random_rules.py"
CONTRADICTIONS = "tests/targets/test_contradictions.py"
CODE = "tests/simulation/test_code_ops.py"
EVENT = "tests/simulation/test_event.py::test_"
SPATIAL = "tests/simulation/test_event_connections.py::test_"
WINDOWS = "tests/simulation/test_event_windows.py"
FIDELITY = "tests/fidelity/test_comparing.py"
FAST = "tests/simulation/test_fast_proofs.py"
TUNED = "tests/finetuning/test_exact.py::test_every_target_that_steps_in_time"
BACK = "tests/finetuning/test_gradient.py::test_equal_those_of_straight_through_arithmetic"
UNKEPT = "tests/finetuning/test_gradient.py::test_what_is_not_kept_is_not_needed"
CLIPPED = "tests/finetuning/test_gradient.py::test_clipped_codes_come_back_but_go_no_further"
LATE = "tests/finetuning/test_gradient.py::test_what_is_late_is_nothing_at_first"
SOUND = "tests/certificate/test_sound.py"
CERTIFIED = "tests/certificate/test_certificate.py"
INTERVALS = "tests/certificate/test_interval_ops.py"
OVERFLOWS = "tests/fidelity/test_overflowing.py::test_"
TOLD = f"{OVERFLOWS}a_wrap_is_told_as_one_and_never_called_harmless"
FITTED = f"{OVERFLOWS}quantize_chooses_a_scale_under_which_calibration_fits"
UNFIT = f"{OVERFLOWS}where_no_scale_fits_quantize_warns_and_keeps_what_it_has"
UNIT = "tests/quantization/test_units.py::test_"
POWERS = f"{UNIT}powers_of_two_are_those_of_the_threshold"
RATIOS = "lifexport/quantization/units.py"
MEMORY = "tests/costing/test_memory.py"


MUTANTS = [
    # The integer step, one rule after the other
    Mutant(
        "neurons/int_lif.py",
        "return self.threshold + above,",
        "return self.threshold,",
        VECTORS,
    ),
    Mutant("neurons/int_lif.py", "own = ops.ge(v, threshold) if", "own = ops.ge(v, ops.add(threshold, 1)) if", STEP),
    Mutant(
        "neurons/int_lif.py",
        "fired = self._fired(ops, v)\n            v = self._reset(ops, v, fired.own)",
        "fired = self._fired(ops, v)",
        STEP,
    ),
    Mutant("neurons/int_lif.py", 'rules.judged == "next_step_start" and', "False and", VECTORS),
    Mutant("neurons/int_lif.py", 'kept = v if rules.reset_when == "next_step" else', "kept =", STEP),
    Mutant(
        "neurons/int_lif.py",
        'if self.rules.reset == "value":\n            return ops.sub',
        "if False:\n            return ops.sub",
        STEP,
    ),
    Mutant("neurons/int_lif.py", "if self.rules.reset_saturates else v", "if False else v", VECTORS),
    Mutant("neurons/int_lif.py", "else ops.mul(own, code)", "else ops.gate(self._any(ops, own), code)", VECTORS),
    Mutant("neurons/int_lif.py", "if not rules.leak_on_fire and", "if False and", VECTORS),
    Mutant("neurons/int_lif.py", "if arriving.tick is not None:", "if False:", VECTORS),
    Mutant("neurons/int_lif.py", "if rules.refractory:\n", "if False:\n", VECTORS),
    Mutant(
        "neurons/int_lif.py",
        'ops.maximum(ops.sub(waiting, ops.const(1, "one")), ops.const(0, "zero"))',
        "waiting",
        VECTORS,
    ),
    Mutant("neurons/int_lif.py", 'if rule.when == "before_input":', "if False:", VECTORS),
    Mutant("neurons/int_lif.py", 'if rule.when == "after_input":', "if False:", VECTORS),
    Mutant("neurons/int_lif.py", "self.current_decay[k],", "self.current_decay[0],", VECTORS),
    Mutant("neurons/int_lif.py", "arriving.synapses[k]", "arriving.synapses[0]", VECTORS),
    Mutant(
        "neurons/int_lif.py", "start = word.fit(ops, ops.add(start, event))", "start = ops.add(start, event)", VECTORS
    ),
    Mutant("neurons/int_lif.py", "if self.rules.sum_word is not None:", "if False:", VECTORS),
    Mutant(
        "neurons/int_lif.py", "return word.fit(ops, ops.add(start, total))", "return ops.add(start, total)", VECTORS
    ),
    Mutant("neurons/int_lif.py", "if rules.drive_word is not None:", "if False:", VECTORS),
    Mutant("neurons/int_lif.py", "if rules.increment is not None:", "if False:", VECTORS),
    Mutant("neurons/int_lif.py", "change = ops.wrap(ops.sub", "change = (lambda x, lo, hi: x)(ops.sub", VECTORS),
    Mutant(
        "neurons/int_lif.py",
        "word.fit(ops, ops.add(word.fit(ops, change), bias))",
        "word.fit(ops, ops.add(change, bias))",
        VECTORS,
    ),
    Mutant(
        "neurons/int_lif.py",
        "word.fit(ops, ops.add(word.fit(ops, change), bias))",
        "ops.add(word.fit(ops, change), bias)",
        VECTORS,
    ),
    Mutant("neurons/int_lif.py", "own[j] = ops.minimum(own[j], ops.sub(most, total[j]))", "own[j] = own[j]", VECTORS),
    Mutant(
        "neurons/int_lif.py",
        "total[target] = ops.minimum(most, ops.add",
        "total[target] = (lambda a, b: b)(most, ops.add",
        VECTORS,
    ),
    Mutant(
        "neurons/rules.py",
        'ops.const(1, "one"))) if self.at_least_one else taken',
        'ops.const(1, "one"))) if False else taken',
        VECTORS,
    ),
    Mutant("neurons/rules.py", "self.bits, self.rounding, bound", 'self.bits, "floor", bound', VECTORS),
    Mutant("neurons/rules.py", "return ops.sub(x, self.lost(ops, x, amount, name))", "return x", VECTORS),
    Mutant("neurons/rules.py", "ops.minimum(ops.maximum(x, least), most)", "ops.maximum(x, least)", VECTORS),
    Mutant("neurons/rules.py", "ops.minimum(ops.maximum(x, least), most)", "ops.minimum(x, most)", VECTORS),
    Mutant(
        "network.py", "key=lambda edge: edge.source in looping", "key=lambda edge: edge.source not in looping", VECTORS
    ),
    Mutant("nodes.py", ">> self.drop << self.shift", "<< self.shift", VECTORS),
    Mutant("nodes.py", "zip(arriving, alone, strict=True)", "zip(arriving, alone[::-1], strict=True)", VECTORS),
    Mutant("targets/choosing.py", 'accumulate=rules["accumulate"]["order"]', 'accumulate="sum"', VECTORS),
    Mutant(
        "targets/choosing.py",
        'word=word, leak=_leak(target, leak, "current.leak", None, None)',
        "word=word, leak=Leak()",
        VECTORS,
    ),
    Mutant("targets/choosing.py", "max_spikes=_listed(", "max_spikes=1 or _listed(", VECTORS),
    Mutant("targets/limits.py", "count > most", "count > most + 1", LIMITS),
    Mutant("targets/limits.py", "ending = ending + count", "ending = count", LIMITS),
    Mutant("targets/limits.py", "starting.get(source, 0) + count", "count", LIMITS),
    Mutant(
        "targets/limits.py",
        "for other in way:\n                count",
        "for other in way[:1]:\n                count",
        LIMITS,
    ),
    # A membrane that relaxes towards its input
    Mutant("neurons/rules.py", "drive = ops.saturate(ops.shift_right(", "drive = ops.wrap(ops.shift_right(", SPINNAKER),
    Mutant("neurons/rules.py", "ops.const(1 << (self.gain_bits - 1),", "ops.const(0,", SPINNAKER),
    Mutant(
        "neurons/rules.py",
        "if self.gain_bits is not None:\n            product",
        "if False:\n            product",
        STEP,
    ),
    Mutant("neurons/rules.py", "gap = word.fit(ops, ops.sub(drive, x))", "gap = ops.sub(drive, x)", SPINNAKER),
    Mutant("neurons/rules.py", "return word.fit(ops, ops.sub(drive, rest))", "return ops.sub(drive, rest)", SPINNAKER),
    Mutant("neurons/rules.py", "self.bits, self.rounding, word.largest", 'self.bits, "floor", word.largest', SPINNAKER),
    Mutant("neurons/int_lif.py", "self._add(ops, bias, arriving.synapses[0], rules.membrane)\n", "bias\n", SPINNAKER),
    Mutant("neurons/int_lif.py", 'change = v if rules.waits_at == "zero" else', "change = v if True else", SPINNAKER),
    Mutant("neurons/int_lif.py", "min(drive, word.largest) * gain", "drive", STEP),
    Mutant("targets/choosing.py", 'Leak(kind=section["kind"], bits=width,', "Leak(bits=width,", SPINNAKER),
    Mutant("targets/choosing.py", 'gain_bits=section.get("gain_bits")', "gain_bits=None", SPINNAKER),
    Mutant("targets/choosing.py", 'rules["refractory"].get("waits_at", "zero") if waits', '"zero" if waits', SPINNAKER),
    Mutant("targets/contradictions.py", "yield from _relaxation(document)", "yield from ()", CONTRADICTIONS),
    # The operations: definition, JAX, ONNX
    Mutant("ops.py", "return (product + half) // one", "return (product + half - 1) // one", OPS),
    Mutant("ops.py", "below % 2 == 1", "below % 2 == 0", OPS),
    Mutant("ops.py", "return np.sign(product) * (np.abs(product) // one)", "return product // one", OPS),
    Mutant("ops.py", "np.clip(x, lo, hi)", "np.clip(x, lo + 1, hi)", OPS),
    Mutant("ops.py", "np.where(x < lo, x + size, x)", "x", OPS),
    Mutant("ops.py", "np.minimum(often, most), 0)", "often, 0)", OPS),
    Mutant("simulation/jax_ops.py", "up = negative & (rest != 0)", "up = negative", OPS),
    Mutant("simulation/jax_ops.py", "up = 2 * rest >= one", "up = 2 * rest > one", OPS),
    Mutant("simulation/jax_ops.py", "below & 1 == 1", "below & 1 == 0", OPS),
    Mutant("simulation/jax_ops.py", "if bound * one <= INT32:", "if True:", OPS),
    Mutant("simulation/jax_ops.py", "((x - lo) & (hi - lo)) + lo", "(x - lo) & (hi - lo)", OPS),
    Mutant("simulation/jax_ops.py", "jnp.where(x < lo, x + size, x)", "x", OPS),
    Mutant("simulation/jax_ops.py", "jnp.minimum(often, most), 0)", "often, 0)", OPS),
    # Bounds of formulas: proofs notice
    Mutant("simulation/jax_ops.py", "bound * one <= INT32:", "bound * one <= 2 * INT32:", PROOFS),
    Mutant("simulation/jax_ops.py", "+ (product >> k)", "+ (product + (1 << 31) >> k)", PROOFS),
    Mutant("simulation/jax_ops.py", "jnp.where(x > hi, x - size", "jnp.where(x >= hi, x - size", RANDOM),
    Mutant("ops.py", "below % 2 == 1", "below % 4 == 1", PROOFS),
    # The simulators
    Mutant("simulation/layerwise.py", "return joined[: len(sequence)]", "return joined[-len(sequence) :]", AGREE),
    Mutant("simulation/products.py", ">> node.drop << node.shift", ">> node.drop", AGREE),
    Mutant("bounds.py", '"float32": partial <= FLOAT32_WHOLE', '"float32": partial <= 2**40', AGREE),
    Mutant("simulation/fast.py", "reached.ops.events_overflow.any()", "False", FAST),
    Mutant("simulation/fast.py", "not found.holds(state)", "False", FAST),
    Mutant("simulation/fast.py", "reached.ops.sums > INT32", "False", FAST),
    Mutant(
        "simulation/chunks.py", "chunk(state, codes[whole:])", "chunk((populations, delayed), codes[whole:])", AGREE
    ),
    Mutant("simulation/chunks.py", "jax.tree.map(jnp.append, counts, count)", "counts", AGREE),
    Mutant("simulation/products.py", "return np.int8\n", "return np.float16\n", AGREE),
    Mutant(
        "simulation/stepwise.py",
        "given = {e: delayed[e][0] if e.delay else",
        "given = {e: delayed[e][-1] * 0 if e.delay else",
        "tests/simulation/test_stepwise.py",
    ),
    # The certificate
    Mutant("certificate/closed_state.py", "        left = _left(check(state), state)", "        return state", SOUND),
    Mutant("certificate/interval_ops.py", "np.minimum(np.maximum(self.lo, made.y.lo), self.hi)", "self.lo", INTERVALS),
    Mutant("certificate/interval_ops.py", "made.y.hi - 1", "made.y.hi - 2", INTERVALS),
    Mutant("certificate/interval_ops.py", 'if made.by == "some":', "if False:", SOUND),
    Mutant(
        "certificate/interval_ops.py",
        "return Interval(x.lo - y.lo, x.hi - y.hi, Made",
        "return Interval(x.lo, x.hi, Made",
        INTERVALS,
    ),
    Mutant("certificate/interval_ops.py", "if y.follows is x:", "if False:", INTERVALS),
    Mutant(
        "certificate/interval_ops.py",
        "most = np.where(x.lo < lo, np.maximum(most, base.hi + lo), most)",
        "most = most",
        INTERVALS,
    ),
    Mutant("certificate/interval_ops.py", "whole = turns != (x.hi - lo) // size", "whole = turns != turns", INTERVALS),
    Mutant("certificate/interval_ops.py", "(below, x.lo + size,", "(inside & below, x.lo + size,", INTERVALS),
    Mutant("certificate/interval_ops.py", "(n + 1) * t - 1 - n * c", "n * t - n * c", INTERVALS),
    Mutant("certificate/interval_ops.py", "fit is _wrap_once:", "False:", INTERVALS),
    Mutant(
        "certificate/interval_ops.py", "np.minimum(start.lo, lo) + events.event.lo", "np.maximum(start.lo, lo)", SOUND
    ),
    Mutant("certificate/analysis.py", "_full(node.after_reset(ops(False)", "_full(node.after_reset(ops(True)", SOUND),
    Mutant("certificate/analysis.py", "np.minimum(value.lo, queue.min(axis=0))", "value.lo", CERTIFIED),
    Mutant(
        "nodes.py",
        "self.linear(positive, lo) + self.linear(negative, hi)",
        "self.linear(positive, lo) + self.linear(negative, lo)",
        SOUND,
    ),
    # Fine-tuning: the forward pass, and what its gradients are
    Mutant("simulation/in_order.py", "jax.lax.cond(inside.all(),", "jax.lax.cond(True,", TUNED),
    Mutant("simulation/jax_ops.py", "if name in self.numbers:", "if False:", TUNED),
    Mutant("finetuning/numbers.py", "jnp.int32) for field, codes", "jnp.int32) + 1 for field, codes", TUNED),
    Mutant("finetuning/numbers.py", 'found["threshold"] + 1', 'found["threshold"]', TUNED),
    Mutant("finetuning/rounding.py", "above & (gradient < 0)", "above & (gradient > 0)", CLIPPED),
    Mutant("finetuning/surrogate_ops.py", 'if y.role != "threshold":', "if True:", BACK),
    Mutant("finetuning/surrogate_ops.py", "(code > lo) & (code < hi)", "code > lo", BACK),
    Mutant("finetuning/surrogate_ops.py", "_times(m.code, x.real) * 2.0**-k", "x.real", BACK),
    Mutant("finetuning/surrogate_ops.py", 'y.role == "reset" and x.role == ""', "False", BACK),
    Mutant("finetuning/backward.py", "joined[: edge.delay], joined[edge.delay :]", "gradient[:0], gradient", UNKEPT),
    Mutant("finetuning/backward.py", "carry = run.window(carry, time - rest, rest)", "pass", UNKEPT),
    Mutant("finetuning/backward.py", "self.after.loops[name] = carry", "pass", UNKEPT),
    Mutant("finetuning/backward.py", "jnp.where(after < len(values), here, end)", "end", UNKEPT),
    Mutant("finetuning/backward.py", "and not needs_arriving(node)", "", UNKEPT),
    Mutant("finetuning/backward.py", "jnp.where(there, jnp.take", "jnp.where(True, jnp.take", LATE),
    Mutant("finetuning/exactness.py", "if bound > INT32:", "if False:", "tests/finetuning/test_module.py"),
    # The event-driven simulator
    Mutant("simulation/code_ops.py", 'f"{one >> 1}"', 'f"{(one >> 1) - 1}"', CODE),
    Mutant("simulation/code_ops.py", "({one - 1} if {self.use(x)} < 0", "({one - 1} if {self.use(x)} > 0", CODE),
    Mutant("simulation/code_ops.py", "(bound + 1) * one <= INT32 else 64", "True else 64", CODE),
    Mutant(
        "simulation/code_ops.py", "{before} + {size} if {before} < {lo}", "{before} + {size} if {before} <= {lo}", CODE
    ),
    Mutant("simulation/code_ops.py", "{counter} += {self._left(word)}", "{counter} += 1", CODE),
    Mutant("simulation/code_ops.py", "self._homes[last.text] = self._carried", "None", CODE),
    Mutant(
        "simulation/event_kernels.py",
        "count += row[j] != 0\n        return",
        "count += row[j] > 0\n        return",
        f"{EVENT}every_rule",
    ),
    Mutant(
        "simulation/event_kernels.py",
        "first = EACH * words[f]",
        "first = words[f]",
        f"{EVENT}inputs_of_every_type_and_length",
    ),
    Mutant(
        "simulation/event_kernels.py",
        "if row[0] == 0:",
        "if False:",
        f"{EVENT}a_number_that_begins_outside_its_range_and_inputs_larger_than_it",
    ),
    Mutant(
        "simulation/event_kernels.py",
        "if not skip:",
        "if False:",
        f"{EVENT}a_number_that_begins_outside_its_range_and_inputs_larger_than_it",
    ),
    Mutant(
        "simulation/event_connections.py",
        "max) // largest}",
        "max) // largest + 1}",
        f"{EVENT}sums_that_leave_their_first_width",
    ),
    Mutant(
        "simulation/event_source.py",
        "<= INT32 else 64\n\n\ndef _population",
        "<= 1 << 62 else 64\n\n\ndef _population",
        f"{EVENT}wide_numbers_are_carried_in_int64",
    ),
    Mutant(
        "simulation/event_connections.py",
        "if t >= {name}_late else",
        "if t > {name}_late else",
        f"{EVENT}rows_at_a_time_change_nothing",
    ),
    Mutant(
        "simulation/event_connections.py",
        "source.max_spikes == 1 if",
        "source.max_spikes != 2 if",
        f"{EVENT}every_rule",
    ),
    Mutant(
        "simulation/event_connections.py",
        '(("drop", ">>"), ("shift", "<<"))',
        '(("shift", "<<"), ("drop", ">>"))',
        f"{EVENT}every_rule",
    ),
    Mutant(
        "simulation/event_connections.py",
        "return False\n",
        "return True\n",
        f"{SPATIAL}spikes_that_are_flattened_stay_spikes_and_counts_are_none",
    ),
    Mutant(
        "simulation/event_connections.py",
        "bound <= np",
        "bound // 2 <= np",
        f"{SPATIAL}sums_of_the_largest_numbers_of_every_width",
    ),
    Mutant("simulation/event_kernels.py", "// channels * each", "* 0", f"{SPATIAL}every_input_of_every_geometry"),
    Mutant("simulation/event_kernels.py", "pooled[:] = 0", "None", f"{SPATIAL}counts_of_every_width"),
    Mutant("simulation/event_windows.py", "(np.diff(position) == 1)", "(np.diff(position) > 0)", WINDOWS),
    Mutant("simulation/event_windows.py", "(k % apart, -k)", "(k % apart, k)", WINDOWS),
    Mutant(
        "simulation/stepwise.py",
        "events(self.inputs[edge.source])",
        "events(x)",
        f"{SPATIAL}inputs_of_a_convolution_one_by_one",
    ),
    Mutant(
        "simulation/stepwise.py",
        "node.per_event and isinstance",
        "isinstance",
        f"{SPATIAL}every_input_of_every_geometry",
    ),
    Mutant(
        "simulation/run.py",
        "node.weight[0].size",
        "node.weight.size",
        f"{SPATIAL}auto_counts_the_products_of_convolutions",
    ),
    Mutant("simulation/event.py", "[-edge.delay :]", "[: edge.delay]", f"{EVENT}rows_at_a_time_change_nothing"),
    Mutant("simulation/event.py", 'order="C")', 'order="C") * 0', f"{EVENT}rows_at_a_time_change_nothing"),
    Mutant(
        "simulation/run.py",
        "<= SPARSE * some.size",
        ">= SPARSE * some.size",
        f"{EVENT}auto_is_event_driven_where_few_inputs_are_not_zero",
    ),
    # Quantization
    Mutant("quantization/populations.py", 'up = (node.compare == ">") - later', "up = 0", QUANT),
    Mutant("quantization/populations.py", "if shift > most:", "if False:", QUANT),
    Mutant("quantization/populations.py", "lost = (realised == 0) | (realised == 1)", "lost = realised == 1", QUANT),
    Mutant("quantization/populations.py", "node.v_initial - node.v_rest", "node.v_initial", QUANT),
    Mutant("quantization/populations.py", '"subtract": threshold - level', '"subtract": threshold', QUANT),
    Mutant("quantization/populations.py", "np.where(wrong &", "np.where(False &", TARGETS),
    Mutant(
        "quantization/populations.py", "if spiking and rules.reset_when ==", "if rules.reset_when == 0 and", TARGETS
    ),
    Mutant("quantization/feeding.py", "weight=self.weight * self.by_output(factor)", "weight=self.weight", QUANT),
    Mutant(
        "quantization/feeding.py",
        "_bias(dense, values, after, node) * gain",
        "_bias(dense, values, after, node)",
        QUANT,
    ),
    Mutant("quantization/feeding.py", 'field="r") / divisor', 'field="r")', SCALES),
    Mutant("quantization/leaks.py", "np.rint(decay * (1 << self.bits))", "np.floor(decay * (1 << self.bits))", QUANT),
    Mutant("quantization/leaks.py", "np.argmin(ratio, axis=-1)", "np.argmax(ratio, axis=-1)", TARGETS),
    Mutant("quantization/delays.py", "late[self._adjustable(edge)] += delay - trained", "pass", DELAYS),
    Mutant(
        "quantization/delays.py", "max(0, self._natural(source) - self._trained(edge))", "self._natural(source)", DELAYS
    ),
    Mutant(
        "quantization/quantizing.py",
        "part.times(1 / part.per_output(kept",
        "part.times(0 * kept.max() + part.per_output(1 + 0 * kept",
        TARGETS,
    ),
    Mutant("quantization/scales.py", "int(np.argmin(costs))", "int(np.argmax(costs))", SCALES),
    Mutant("quantization/units.py", "threshold / threshold.max()", "threshold / threshold", SCALES),
    Mutant("quantization/features.py", "if most != 1:", "if False:", TARGETS),
    Mutant("quantization/features.py", 'if not rules["leak"]["on_fire"] and', "if False and", TARGETS),
    Mutant("fixedpoint.py", "return np.rint(", "return np.floor(0.5 + ", "tests/test_fixedpoint.py"),
    Mutant("neurons/int_lif.py", "return after_reset + arriving + bias", "return arriving", "tests/test_bounds.py"),
    # Training
    Mutant("train/spiking.py", "(top - self.V_reset) * spikes", "top * spikes", SIBLINGS),
    Mutant("train/spiking.py", "jax.lax.stop_gradient(v)", "v", SLOPES),
    Mutant("train/spiking.py", "if self.detach_reset", "if not self.detach_reset", SLOPES),
    Mutant("train/neuron.py", "(before, self._emit(before), x)", "(before, 0 * self._emit(before), x)", SIBLINGS),
    Mutant("train/neuron.py", "-v + self.V_rest + self.R", "-v + self.R", SIBLINGS),
    Mutant(
        "train/neuron.py",
        "u.math.broadcast_to(getattr(self, state).value, shape)",
        "getattr(self, state).value",
        EDGES + "currents_broadcast_as_in_a_step",
    ),
    Mutant(
        "train/neuron.py",
        "environ.context(dt=dt)",
        "environ.context()",
        EDGES + "the_gradient_may_be_taken_outside_of_the_context",
    ),
    Mutant("train/lif_ref.py", "waiting > 0, held", "waiting > 1, held", SIBLINGS),
    Mutant("train/lif_ref.py", "asarray(steps - 1", "asarray(steps", SIBLINGS),
    Mutant("train/lif_ref.py", "(1 - 1e-6)).astype", ").astype", CAPTURED + "refractory_times_are_steps"),
    Mutant("train/cuba_lif.py", "-g / self.tau_syn", "-g / self.tau", SIBLINGS),
    Mutant(
        "train/cuba_lif.py", "inputs(g + x if self.filtered else g)", "inputs(g)", EDGES + "a_filtered_current_lasts"
    ),
    Mutant(
        "train/iaf.py", "return v + brainstate", "return 0.99 * v + brainstate", EDGES + "an_integrator_forgets_nothing"
    ),
    Mutant("train/scans.py", "_add(of_emitted, outside)", "outside", SCANS),
    Mutant("train/scans.py", "jnp.where(t > 0, g, jnp.zeros_like(g))", "g", SCANS),
    Mutant("train/scans.py", "_at(of_out, count - 1)", "_at(of_out, 0)", SCANS),
    Mutant(
        "capturing/neurons.py",
        "refractory_steps(numbers",
        "1 + refractory_steps(numbers",
        CAPTURED + "refractory_times_are_steps",
    ),
    Mutant(
        "capturing/neurons.py",
        "i_initial=current",
        "i_initial=0.0",
        CAPTURED + "a_captured_population_runs_as_its_module",
    ),
    Mutant(
        "capturing/neurons.py",
        "r=-1.0 / np.expm1(-seconds / tau)",
        "r=1.0",
        CAPTURED + "a_rate_readout_is_weights_and_a_leaky_sum",
    ),
    Mutant("train/surrogate/base.py", "(x >= 0).astype", "(x > 0).astype", "tests/train/test_surrogate.py"),
    # Files and report
    # NIR
    Mutant("export/nir_restoring.py", "places = provenance.changed(fields, network) or", "places = [] or", READING),
    Mutant("export/nir_profiles/numbers.py", 'least < height if trained == ">="', "least < height if True", PROFILES),
    Mutant("export/nir_profiles/numbers.py", 'return least if importer == ">="', "return least if True", PROFILES),
    Mutant("export/nir_profiles/numbers.py", "np.where(distance < error, candidate, best)", "best", PROFILES),
    Mutant("export/nir_profiles/neuron.py", "(1 - self.decay) * self.rest", "self.decay * self.rest", PROFILES),
    Mutant("export/nir_profiles/norse.py", "bias=zero if at_rest else form.drift / rate", "bias=zero", PROFILES),
    Mutant("export/nir_profiles/norse.py", "scale=form.gain / rate,", "scale=form.gain,", PROFILES),
    Mutant("export/nir_profiles/rockpool.py", "form.gain * inverse", "form.gain * 2.0**32.3", PROFILE_NUMBERS),
    Mutant("export/nir_profiles/rockpool.py", "np.float64) / dt - 1)", "np.float64) / dt - 1.1)", PROFILE_NUMBERS),
    Mutant("export/nir_float32.py", "np.float32(-dt) * (np.float32(1) / ", "np.float32(-dt) / (", PROFILE_NUMBERS),
    Mutant("export/nir_profiles/bias_neurons.py", "reach = max(late)", "reach = len(sections) - 1", LATE_BIASES),
    Mutant("export/nir_profiles/bias_neurons.py", "(1.0 if passes else DRIVE)", "DRIVE", LATE_BIASES),
    Mutant("export/nir_profiles/bias_neurons.py", "(0, columns)))", '(0, columns)), "edge")', LATE_BIASES),
    Mutant(
        "export/nir_profiles/proving.py", "~(apart <= allowed[name][t])", "(apart > allowed[name][t])", PROFILE_PROOFS
    ),
    Mutant("export/nir_profiles/proving.py", "written.network.lateness[there]", "0", LATE_BIASES),
    Mutant("export/nir_profiles/proving.py", ", _as_read(written, x))", ")[:1]", PROFILE_PROOFS),
    Mutant("export/nir_profiles/bounds.py", "STEP = 6", "STEP = 600", PROFILE_PROOFS),
    Mutant("export/nir_profiles/bounds.py", "INPUT = 4", "INPUT = 400", PROFILE_PROOFS),
    Mutant("export/nir_profiles/folding.py", "bias = bias + _constant(", "bias = bias + 0 * _constant(", PROFILES),
    Mutant("export/nir_profiles/folding.py", "node.bias * rows + constant", "node.bias + constant", PROFILES),
    Mutant("export/nir_profiles/rewriting.py", "if len(asked) > 1:", "if False:", PROFILES),
    Mutant("export/nir_profiles/rewriting.py", "if into > 1 and not profile.merges:", "if False:", PROFILES),
    Mutant("export/nir_profiled.py", "_require_stored(graph, fields)\n    if whole", "if whole", PROFILES),
    Mutant("export/nir_profiled.py", "json.dumps(sorted(pairs)).encode()", 'b""', INTEGERS),
    Mutant("export/nir_integers.py", "2.0 ** -_exponent(q, target) / arriving", "1.0 / arriving", INTEGERS),
    Mutant("export/nir_integers.py", "node.bias / 2.0 ** _exponent(q, name)", "node.bias / 1.0", INTEGERS),
    Mutant("export/nir_integers.py", "total = edge.delay + own[edge.source]", "total = edge.delay", INTEGERS),
    Mutant("export/nir_integers.py", 'if rules.current.when == "after_input"', "if False", INTEGERS),
    Mutant("export/nir_integers.py", "rest + low * volt", "low * volt", INTEGERS),
    Mutant("interop/verdict.py", "np.logical_or.accumulate(near, axis=0)", "near", VERIFYING),
    Mutant("interop/verifying.py", "p.exact or (p.differing == 0 and", "True or (p.differing == 0 and", VERIFYING),
    Mutant("interop/verifying.py", "output[skew:][: len(want)]", "output[: len(want)]", VERIFYING),
    Mutant("fidelity/running.py", "d.step, order[d.node]", "-d.step, order[d.node]", FIDELITY),
    Mutant("fidelity/running.py", "np.minimum(a, b).sum(", "np.maximum(a, b).sum(", FIDELITY),
    Mutant("fidelity/running.py", "rows[lags[name][0] :]", "rows[0:]", TARGETS),
    Mutant("fidelity/parameters.py", "volt = float(node.unit) *", "volt = 2 * float(node.unit) *", FIDELITY),
    Mutant("fidelity/parameters.py", "kept = np.maximum(1 - node.decay,", "kept = np.maximum(node.decay,", FIDELITY),
    Mutant("fidelity/running.py", "(part != 0) & (encoded.codes == 0)", "encoded.codes == 0", FIDELITY),
    Mutant(
        "simulation/trace.py", "if _form(given[key]) != _form(own[key]):", "if False:", "tests/simulation/test_run.py"
    ),
    Mutant("readout.py", "return v[-1]", "return v[0]", "tests/test_readout.py"),
    # Overflows, word by word
    Mutant("ops.py", "self.left.get(word, np.array(False)) | (before != after)", "before != after", OPS),
    Mutant("simulation/jax_ops.py", "self.left.get(name, False) | (before != after)", "before != after", OPS),
    Mutant("neurons/named.py", 'sum_word=named("sum",', 'sum_word=named("current",', TOLD),
    Mutant("simulation/overflows.py", "math.prod(network.nodes[name].shape) * steps", "steps", TOLD),
    Mutant("fidelity/overflowing.py", "if not row.wraps:", "if True:", TOLD),
    Mutant("fidelity/report.py", "max((word.rate for", "min((word.rate for", TOLD),
    Mutant(
        "fidelity/running.py",
        "(step, start + sample",
        "(step, sample",
        f"{OVERFLOWS}the_first_wrap_has_the_sample_of_the_whole_batch",
    ),
    # Scales that calibration fits into
    Mutant("quantization/fitting.py", 'word != "membrane" or', 'word == "sum" or', FITTED),
    Mutant(
        "quantization/fitting.py",
        "if some < codes.shape[1]:",
        "if False:",
        f"{OVERFLOWS}large_calibrations_are_fitted_in_part_and_then_whole",
    ),
    Mutant("quantization/quantizing.py", "if self.spec.membrane_range is not None:", "if False:", TOLD),
    Mutant("quantization/quantizing.py", "_largest_code(after) >= _largest_code(before)", "True", UNFIT),
    Mutant("quantization/quantizing.py", "float(self._largest_potential() / step) >= FINEST", "True", UNFIT),
    # Units of training
    Mutant(
        "quantization/units.py", "np.rint(np.ldexp(mantissa, RATIO_BITS))", "np.ldexp(mantissa, RATIO_BITS)", RATIOS
    ),
    Mutant("quantization/quantizing.py", "self.one = reference(network, self.feeding)", "self.one = 1.0", POWERS),
    Mutant(
        "quantization/quantizing.py",
        "if not reached:",
        "if reached < 0:",
        f"{UNIT}a_read_out_that_calibration_never_moves_is_refused",
    ),
    # Memory
    Mutant("costing/memory.py", "word - node.threshold_shift", "word", MEMORY),
    Mutant("costing/memory.py", "bits if same or per_layer else", "bits if same else", MEMORY),
    Mutant("costing/memory.py", "(node.weight_bits - unstored)", "node.weight_bits", MEMORY),
    *ONNX_MUTANTS,
    *BUNDLE_MUTANTS,
    *DEEP_MUTANTS,
    *NIR_MUTANTS,
    *VECTORS_MUTANTS,
    *DOOR_MUTANTS,
]
