"""Findings: one rule set for ``check``, ``quantize``, ``export`` and every error message.

A *finding* is a code, a place and a sentence about what was found. The registry below is the one home of what a code
means and why it matters; the place that detects a problem adds where it is, what was found and how to fix it.
Codes never change their meaning and are never used again.

=====  =============================================
LX0xx  names, files, installation
LX1xx  the network as trained
LX2xx  targets and quantization
LX3xx  simulation
LX4xx  exports and reading back
LX5xx  fidelity: what a run showed
LX6xx  bundles and recordings
=====  =============================================
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from . import errors as e

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Code:
    """What one ``LX...`` code means."""

    title: str
    why: str
    severity: Severity = "error"
    error: type[e.LifexportError] = e.LifexportError
    more: str = ""
    """What ``lifexport explain`` adds: how it comes about, and ways out of it."""


CODES: dict[str, Code] = {
    "LX001": Code("unknown name", "A misspelt name must not fall back to a default.", error=e.UnknownNameError),
    "LX002": Code(
        "output cannot be written",
        "Files are written to a temporary name and renamed, so nothing half-written is left.",
        error=e.OutputError,
    ),
    "LX003": Code(
        "file cannot be read",
        "A truncated or foreign file must not be taken for a network.",
        error=e.FileError,
        more=(
            "The file is not what its name says, or was cut. Nothing of it was used. `lifexport check FILE` "
            "lists everything that can be found in it."
        ),
    ),
    "LX004": Code(
        "file of a newer version",
        "Fields this version does not know might change the meaning of the rest.",
        error=e.FileError,
        more=(
            "Schemas are numbered; a file of version n + 1 may hold fields that change the meaning of those "
            "of version n."
        ),
    ),
    "LX005": Code(
        "optional package missing", "This step runs in a package of its own.", error=e.MissingDependencyError
    ),
    "LX006": Code("wrong option", "An option that does not apply must not be ignored.", error=e.ParameterError),
    "LX008": Code(
        "would overwrite something else",
        "What is overwritten in silence is missed when it is needed: another network, or the very file that was read.",
        error=e.OutputError,
        more=(
            "A bundle takes the place of an older one of the same network. Over another network it is written only if "
            "that is said: --force, or overwrite=True. A file that is read, and one that a bundle has sealed, is never "
            "written."
        ),
    ),
    "LX009": Code(
        "somebody else is writing there",
        "Two exports at once into one folder leave the one that nobody looked at.",
        error=e.OutputError,
        more=(
            "The lock is a file beside the folder, and goes with the process that holds it, however that ends. The "
            "second export fails at once and changes nothing."
        ),
    ),
    "LX101": Code(
        "parameter is not finite",
        "NaN and infinity have no integer code; rivals turn them into arbitrary weights.",
        error=e.ParameterError,
    ),
    "LX102": Code("shapes do not fit", "A layer fed with the wrong width computes something else.", error=e.ShapeError),
    "LX103": Code(
        "time step missing or not positive",
        "dt decides every decay; guessing it changes the network in silence.",
        error=e.ParameterError,
        more=(
            "NIR stores no dt. Say it with --dt (seconds) for files that follow NIR's text, or whose network "
            "it is with --source, if that tool's convention holds dt."
        ),
    ),
    "LX104": Code("time constant not positive", "exp(-dt/tau) needs tau > 0 to be a decay.", error=e.ParameterError),
    "LX105": Code(
        "threshold not above reset",
        "With V_th <= V_reset a neuron that fires is still above threshold: it never stops.",
        error=e.ParameterError,
        more=(
            "Soft resets take V_th - V_reset off the membrane, hard ones set it to V_reset: neither leaves "
            "the threshold with V_th <= V_reset."
        ),
    ),
    "LX106": Code("unknown choice", "Only the listed values have a meaning.", error=e.ParameterError),
    "LX107": Code("malformed graph", "Every node must lie on a path from an input to an output.", error=e.ShapeError),
    "LX108": Code(
        "loop cannot be scheduled",
        "A loop must pass through a population and its feedback must arrive one step later.",
        error=e.UnsupportedError,
        more=(
            "Every loop needs a population, and its feedback must come one step later: an edge with delay=1, "
            "or a chip that delivers later."
        ),
    ),
    "LX109": Code("unit missing or wrong", "10 ms, 10 s and 10 steps are three different networks.", error=e.UnitError),
    "LX110": Code(
        "module cannot be captured",
        "A module lifexport does not understand would be missing from the export.",
        error=e.UnsupportedError,
    ),
    "LX111": Code(
        "values that no tool could have meant",
        "Read as another tool's, or under another time step, a file is another network, and nothing else shows it.",
        error=e.ParameterError,
        more=(
            "A decay outside 0..1 lets a membrane grow or change its sign; one of 0 makes a leaky neuron forget all. "
            "Nobody trains that: source or dt is not the file's own. The fix names those that fit its numbers."
        ),
    ),
    "LX112": Code(
        "reset must be told",
        "NIR does not say how a spike resets its neuron; with another rule every later spike may differ.",
        error=e.ParameterError,
        more=(
            "Say it with --reset, for all neurons or as --reset NODE=RULE: subtract, value (to the reset level), "
            "value_held (there for a step, whose input is lost), none. docs/nir.md says which neuron does which."
        ),
    ),
    "LX113": Code(
        "membranes read behind a late edge",
        "An edge carries spikes; what a membrane was before the first of them arrives is nowhere said.",
        error=e.UnsupportedError,
    ),
    "LX120": Code(
        "training data unusable", "A network trained on the wrong numbers learns them.", error=e.ParameterError
    ),
    "LX121": Code(
        "training diverged",
        "One NaN in a gradient makes every later weight NaN; training stops at the last good ones.",
        error=e.DivergenceError,
    ),
    "LX201": Code("target description invalid", "A target decides every bit of the result.", error=e.FileError),
    "LX202": Code(
        "choice outside the target's range",
        "The hardware has no such width or rule.",
        error=e.RangeError,
        more="`lifexport targets NAME` prints the ranges of a target, each with its evidence.",
    ),
    "LX203": Code(
        "target cannot express this",
        "What cannot be expressed is refused, never dropped.",
        error=e.UnsupportedError,
        more=(
            "Train with what the target has, choose another target, or accept the difference by name with "
            "--approximate, where the fix names one: it then stands in every report."
        ),
    ),
    "LX204": Code(
        "number does not fit its code",
        "Clipping a parameter in silence changes the network.",
        error=e.RangeError,
        more=(
            "A threshold, reset or initial potential is never clipped. More state_bits, a larger "
            "membrane_range or fewer outliers make room."
        ),
    ),
    "LX205": Code(
        "calibration or input data unusable",
        "Input codes, scales and clip counts are taken from it.",
        error=e.ParameterError,
    ),
    "LX206": Code(
        "decay degenerates",
        "A decay that rounds to 0 forgets everything, one that rounds to 1 forgets nothing.",
        error=e.UnsupportedError,
        more=(
            "A decay d of k bits stands for d / 2**k: with k = 4 every time constant above 31 steps rounds to "
            "1. More decay_bits, or --approximate decay."
        ),
    ),
    "LX207": Code(
        "threshold not above rest",
        "With a threshold at or below the resting potential the neuron fires without input.",
        error=e.UnsupportedError,
    ),
    "LX208": Code(
        "weights rounded to zero",
        "A connection that vanished changes what the layer computes.",
        severity="warning",
        more=(
            "One large weight sets the step of its layer. scale='channel' gives every neuron a step of its "
            "own; method='mse' or 'membrane' clip outliers where that costs less."
        ),
    ),
    "LX210": Code(
        "time constant changed by rounding",
        "The neuron remembers for longer or shorter than it was trained to.",
        severity="warning",
        more="The realised time constant is -dt / ln(realised decay). lx.qat trains at the realised decay.",
    ),
    "LX211": Code(
        "threshold changed by rounding", "The neuron fires earlier or later than it was trained to.", severity="warning"
    ),
    "LX212": Code(
        "bias changed by rounding",
        "A constant drive of another size moves the resting potential towards or away from threshold.",
        severity="warning",
    ),
    "LX213": Code(
        "delivery across layers never seen",
        "A spike that reaches the next layer a step later than thought makes every later layer another one.",
        severity="note",
        more=(
            "Nobody has held the target's delays against a run of several layers of this kind (feed-forward, skip, "
            "recurrent) in the tool or chip it describes. Record one, and replay it with `lifexport targets --replay`."
        ),
    ),
    "LX214": Code(
        "calibration overflows a word",
        "On its own calibration data the network clips or wraps sums, currents or drives that training did not clip.",
        severity="warning",
        more=(
            "quantize makes the unit of a layer's potentials coarser until its calibration fits into every word. It "
            "does not where membrane_range is given, where a threshold would span too few codes, or where the "
            "weights would lose bits. Weaker inputs, smaller weights relative to the threshold, or a target with "
            "wider words make room; compare measures what it costs (LX503, LX507)."
        ),
    ),
    "LX301": Code(
        "input codes unusable", "Simulators and exports take the integer codes of q.encode(x).", error=e.ParameterError
    ),
    "LX302": Code(
        "fast kernel would be inexact",
        "Numbers that outgrow the kernel's integers would wrap in silence.",
        error=e.RangeError,
        more=(
            "A sum may leave the integers of that kernel for some input the code admits. backend='reference' "
            "is always exact; smaller weights or a word that saturates make bounds tighter."
        ),
    ),
    "LX303": Code(
        "simulators differ",
        "Every simulator claims to equal the reference bit for bit; one that does not proves nothing.",
        error=e.MismatchError,
    ),
    "LX304": Code(
        "state unusable",
        "The state of another network, batch or width would be taken for this one's.",
        error=e.ParameterError,
    ),
    "LX401": Code(
        "format cannot express this",
        "What cannot be expressed is refused, never dropped.",
        error=e.UnsupportedError,
        more=(
            "The finding names the node and what the format has no place for; profiles that carry the "
            "network, if there are any, are in the fix."
        ),
    ),
    "LX402": Code(
        "export differs from the simulator",
        "An export that differs is not an export.",
        error=e.MismatchError,
        more=(
            "Nothing was written. Versions of onnx and onnxruntime (`lifexport doctor`) and the network help "
            "to find the reason; please report it."
        ),
    ),
    "LX403": Code(
        "metadata and arrays disagree",
        "A file edited after it was written is not the network its record describes.",
        error=e.MismatchError,
        more=(
            "Record and arrays of one file disagree: it was edited after it was written, or by a converter. "
            "Export it again."
        ),
    ),
    "LX410": Code(
        "soft reset is not part of NIR",
        "Readers other than lifexport will reset to v_reset (or 0) instead of subtracting.",
        severity="warning",
    ),
    "LX411": Code(
        "NIR readers discretise on their own",
        "Most step with forward Euler and fire on v > v_threshold; lifexport's record says what was trained.",
        severity="warning",
    ),
    "LX412": Code(
        "initial potential is not part of NIR",
        "Other readers start at v_leak or at zero, so their first steps differ.",
        severity="warning",
    ),
    "LX413": Code(
        "read by the rules of a source",
        "NIR does not say how a tool steps its neurons; without a record the caller does, or NIR's text is followed.",
        severity="note",
    ),
    "LX414": Code(
        "refractory time is not part of NIR",
        "Other readers let a neuron integrate again in the step after its spike.",
        severity="warning",
    ),
    "LX415": Code(
        "integers in real numbers",
        "Readers of NIR neither round nor overflow as the chip does; its spikes may come to differ from theirs.",
        severity="warning",
    ),
    "LX416": Code(
        "importer must be set",
        "The file alone does not make the importer run the network as trained; a text beside it says how.",
        severity="warning",
    ),
    "LX417": Code(
        "importer is late",
        "Spikes leave populations later than they were trained to; constant inputs act before the first ones arrive.",
        severity="warning",
    ),
    "LX418": Code(
        "profile read, not run",
        "The importer's source was read, but it could not be run: nobody has seen the spikes of these files in it.",
        severity="warning",
    ),
    "LX419": Code(
        "other package failed",
        "A file that the package it was written for cannot run proves nothing.",
        error=e.ToolError,
    ),
    "LX420": Code(
        "ONNX file without lifexport's record",
        "Nothing says what its integers mean, nor whether somebody changed them.",
        severity="note",
    ),
    "LX421": Code(
        "neuron added to carry biases",
        "Spikes of the importer are late; a neuron that always fires is as late, and biases behind it are its weights.",
        severity="note",
    ),
    "LX501": Code("silent layer", "A layer that never fires passes nothing on.", severity="warning"),
    "LX502": Code(
        "always-firing neurons", "A neuron that fires at every step carries no information.", severity="warning"
    ),
    "LX503": Code(
        "number saturated",
        "A membrane, or another number of the chip's step, left its word and was clipped while running.",
        severity="warning",
        more=(
            "field names the word. A membrane clipped far above its threshold fires as it would have; a clipped "
            "current, or one clipped below, forgets what arrived. Whether it costs anything is in the local SQNR of "
            "the layer, and in the step 'arithmetic' of the causes. A word that wraps instead is LX507."
        ),
    ),
    "LX504": Code("input clipped", "Inputs outside the range of the input code were clipped.", severity="warning"),
    "LX505": Code(
        "input lost by rounding", "Inputs below half a step of the input code never enter the chip.", severity="warning"
    ),
    "LX506": Code(
        "fidelity below its threshold",
        "A threshold that was stated and is not met must fail what depends on it.",
        error=e.ParameterError,
        more=(
            "Thresholds are judged on point estimates; the report states the intervals. The table of causes "
            "says whether inputs, parameters, rules or arithmetic lose it."
        ),
    ),
    "LX507": Code(
        "number wrapped",
        "What leaves the word at one end comes back at the other: a strong excitation becomes an inhibition.",
        severity="warning",
        more=(
            "field names the word: the sum of the inputs of a step, the current, current plus bias (drive), the "
            "change of the membrane (increment), or the membrane. The report has the first step, sample and neuron. "
            "A wrap is never part of a plan: choose a scale at which the word holds every number."
        ),
    ),
    "LX508": Code(
        "nothing to see",
        "Networks that do not fire, or give every sample the same class, agree whatever quantization does.",
        severity="warning",
        more=(
            "A verdict that rests on such a run is 'no evidence': exit code 1 where thresholds were stated. Give "
            "inputs that drive the network, samples of several classes, or a network that was trained."
        ),
    ),
    "LX509": Code(
        "too few samples for a threshold",
        "So few samples look the same whether the threshold is met or not.",
        severity="warning",
        more=(
            "Even without a single changed sample the 95 % interval would reach beyond the threshold; the verdict is "
            "'no evidence', exit code 1. Give as many samples as are named, or ask for less."
        ),
    ),
    "LX510": Code(
        "evaluated on calibration samples",
        "Scales were chosen on these very samples: what they show says little about others.",
        severity="warning",
        more=(
            "The integer network states which samples calibration (or fine-tuning) used. Calibrate on training data "
            "and compare on others; with thresholds the verdict is 'no evidence', exit code 1."
        ),
    ),
    "LX511": Code(
        "another parent",
        "What holds between an integer network and a network it was not made from says nothing about quantization.",
        error=e.MismatchError,
        more=(
            "The integer network states the digest of the trained network it was quantized from. Give that one, or "
            "quantize again from this one."
        ),
    ),
    "LX601": Code(
        "file changed after sealing",
        "A bundle is what was proved; one changed bit makes it something nobody has looked at.",
        error=e.MismatchError,
        more=(
            "If the change is a single number, it is named with what stood there, proved by the sealed "
            "digest. A bundle is never edited: save it again."
        ),
    ),
    "LX602": Code(
        "file of a bundle missing",
        "What is not there cannot be verified, and its absence must not pass for a smaller bundle.",
        error=e.MismatchError,
    ),
    "LX603": Code(
        "file that nobody sealed",
        "A file beside sealed ones looks as if it had been proved with them.",
        severity="warning",
    ),
    "LX604": Code(
        "another seal than expected",
        "Whoever can change a file can seal it again; a digest kept elsewhere cannot be changed with it.",
        error=e.MismatchError,
        more="Keep the seal where reviewers see it change, for example in the repository of the product.",
    ),
    "LX605": Code(
        "replay differs",
        "Vectors that a simulator or a file does not give again prove nothing about it.",
        error=e.MismatchError,
        more=("Another version of a package may compute otherwise: the manifest lists those that wrote the bundle."),
    ),
    "LX606": Code(
        "recording differs from the simulator",
        "Silicon or RTL that does something else is not the network that was proved.",
        error=e.MismatchError,
        more=(
            "index is (step, sample, neuron) in the time of the simulator. Look at lag first: two recordings "
            "with different lags are two problems."
        ),
    ),
    "LX607": Code(
        "recorded vectors differ from the target",
        "A description that does not give a recorded run again describes another chip.",
        error=e.MismatchError,
        more=(
            "index is (step, neuron), or (step, sample, neuron) for a recorded network; the first difference in time "
            "is named. Look at it first: later ones follow from it."
        ),
    ),
    "LX608": Code(
        "statement that cannot be true",
        "A figure that contradicts others, or the network, was not measured on it.",
        error=e.MismatchError,
        more=(
            "Somebody edited a report and sealed it again, or another version of lifexport wrote it by other rules. "
            "Save the bundle again from the trained network."
        ),
    ),
    "LX609": Code(
        "link inside a bundle",
        "A link leads to files that nobody sealed, and that may be others tomorrow, or on another machine.",
        error=e.MismatchError,
        more="A bundle holds files and folders of its own, nothing else: put what the link leads to in its place.",
    ),
    "LX610": Code(
        "one rule explains every difference",
        "A mistake in how a recording was made is found in a minute where it is named, and in days where it is not.",
        severity="note",
        more=(
            "Offset, sign, scale, width of the word, silence, another population or moment, neurons, samples or steps "
            "in another order: each was held against every number that was compared, and is told only where it gives "
            "all of them."
        ),
    ),
    "LX611": Code(
        "populations late by different numbers of steps",
        "A chip that hands spikes on later than the network says is another network, however equal its layers are.",
        error=e.MismatchError,
        more=(
            "Either the recording takes its layers at different moments: say so with lag={population: steps}. Or the "
            "target delivers later than its description says."
        ),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    Parameters
    ----------
    code : str
        A key of ``CODES``.
    found : str
        What was found, as a sentence fragment.
    fix : str
        What to do about it.
    node, field : str, optional
        Layer and field it was found in.
    index : tuple of int, optional
        Position in an array field.

    Examples
    --------
    >>> print(Finding(code="LX104", node="hidden", field="tau", index=(3,), found="-0.01 s", fix="give tau > 0"))
    LX104 time constant not positive: hidden.tau[3]: -0.01 s; fix: give tau > 0
    """

    code: str
    found: str
    fix: str
    node: str | None = None
    field: str | None = None
    index: tuple[int, ...] | None = None

    def __post_init__(self):
        assert self.code in CODES, self.code

    @property
    def severity(self) -> Severity:
        """Whether the finding stops the work (``error``) or is reported (``warning``, ``note``)."""
        return CODES[self.code].severity

    @property
    def where(self) -> str:
        """Place as ``node.field[index]``, as far as known; empty when it is the whole."""
        place = ".".join(part for part in (self.node, self.field) if part)
        return place + (f"[{', '.join(map(str, self.index))}]" if self.index is not None else "")

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.code} {CODES[self.code].title}: {place}{self.found}; fix: {self.fix}"

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/findings.schema.json`` (one entry of ``findings``)."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": CODES[self.code].title,
            "node": self.node,
            "field": self.field,
            "index": None if self.index is None else list(self.index),
            "found": self.found,
            "why": CODES[self.code].why,
            "fix": self.fix,
        }


def error(
    code: str,
    *,
    found: str,
    fix: str,
    node: str | None = None,
    field: str | None = None,
    index: tuple[int, ...] | None = None,
) -> e.LifexportError:
    """Exception for one finding, of the class the code names; ``raise error("LX104", ...)``."""
    finding = Finding(code=code, found=found, fix=fix, node=node, field=field, index=index)
    return CODES[code].error(finding)


def raise_errors(findings: Iterable[Finding]) -> None:
    """Raise one exception that lists all findings of severity ``error``; return if there are none."""
    stopping = [finding for finding in findings if finding.severity == "error"]
    if stopping:
        raise CODES[stopping[0].code].error(*stopping)


@contextlib.contextmanager
def at_node(name: str) -> Iterator[None]:
    """Add the name of a node to the findings of any error raised inside, unless they have one.

    Examples
    --------
    >>> with at_node("hidden"):
    ...     raise error("LX104", field="tau", found="-1.0 s", fix="give a positive time")
    Traceback (most recent call last):
    lifexport.errors.ParameterError: LX104 time constant not positive: hidden.tau: -1.0 s; ...
    """
    try:
        yield
    except e.LifexportError as failure:
        named = (f if f.node else dataclasses.replace(f, node=name) for f in failure.findings)
        raise type(failure)(*named) from None


@contextlib.contextmanager
def collect(findings: list[Finding]) -> Iterator[None]:
    """Keep the findings of an error and go on after the block.

    Examples
    --------
    >>> findings = []
    >>> with collect(findings):
    ...     raise error("LX104", field="tau", found="-1.0 s", fix="give a positive time")
    >>> len(findings)
    1
    """
    try:
        yield
    except e.LifexportError as failure:
        findings.extend(failure.findings)


def unknown_name(
    kind: str, name: object, known: Iterable[str], *, code: str = "LX001", **where: Any
) -> e.LifexportError:
    """Exception for a name that is not known; it offers the nearest one.

    Examples
    --------
    >>> print(unknown_name("target", "fpga-p", ["fpga-q", "xylo-v2"]))
    LX001 unknown name: target 'fpga-p'; fix: did you mean 'fpga-q'? known: fpga-q, xylo-v2
    """
    known = sorted(known)
    by_case = {option.lower(): option for option in known}
    near = difflib.get_close_matches(str(name).lower(), by_case, n=1, cutoff=0.4)
    fix = (f"did you mean {by_case[near[0]]!r}? " if near else "") + f"known: {', '.join(known)}"
    return error(code, found=f"{kind} {name!r}", fix=fix, **where)
