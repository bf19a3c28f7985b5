"""The main job on scikit-learn's digits: train, quantize, fine-tune, export, read back, prove, report."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import brainunit as u
import numpy as np

from .. import __version__
from ..bundle import save, verify
from ..bundle.manifest import is_bundle
from ..bundle.saving import SPEC, Saved
from ..bundle.specification import load_quantspec
from ..capturing import capture
from ..fidelity import FidelityReport
from ..fidelity.card import wrapped
from ..fidelity.statistics import Proportion
from ..files import MANIFEST, read_json, require_place
from ..findings import at_node, error, raise_errors
from ..finetuning import QAT
from ..network import IntNetwork
from ..quantization import quantize
from ..quantspec import QuantSpec, resolve
from ..simulation import Trace, simulate
from ..targets import load_target
from .fine_tuning import fine_tune, integers_inside_gradient
from .training import constant_current, load_digits, train_digits

TARGET = "fpga-q"
EPOCHS = 40
FINE_TUNING_EPOCHS = 10


class Progress(Protocol):
    """Told what is going on; see ``cli``."""

    def __call__(self, step: str, done: int = 0, total: int = 1, note: str = "") -> None:
        """Report ``done`` of ``total`` of a named step."""
        ...


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo wrote, and what it found."""

    report: FidelityReport
    card: str
    saved: Saved


def run(
    folder: Path, *, seed: int, weight_bits: int, state_bits: int, progress: Progress, overwrite: bool = True
) -> DemoResult:
    """Do the whole job; every file is the same for the same arguments on the same machine.

    The bundle gets its name at the very end, whole (``bundle.save``): an error or an interruption leaves that of the
    last run as it was.

    Parameters
    ----------
    folder : Path
        Where the bundle goes.
    seed : int
        Of the weights and the order of the images; 0 to 2**32 - 1.
    weight_bits, state_bits : int
        Widths for target ``fpga-q``; refused (LX202) before the folder is made and anything is trained.
    progress : callable
        Told about every step.
    overwrite : bool
        Also replace a bundle of another network.

    Returns
    -------
    DemoResult

    Raises
    ------
    OutputError
        LX002 if the folder cannot be written, or holds something else than a bundle; LX008 for one of another network.
    MissingDependencyError
        LX005 if scikit-learn or optax is not installed.
    MismatchError
        LX303, LX402 if anything that must be equal is not.
    """
    _require_packages()
    spec = _widths(weight_bits, state_bits)
    require_place(folder, replaces=is_bundle if overwrite else lambda place: _is_of(place, seed, spec))
    digits = load_digits()
    x = np.asarray(constant_current(digits.x_test))
    net = train_digits(
        seed,
        epochs=EPOCHS,
        on_epoch=lambda epoch, loss: progress("train", epoch, EPOCHS, f"epoch {epoch}/{EPOCHS}, loss {loss:.4f}"),
    )
    progress("capture and quantize")
    f = capture(net, dt=1 * u.ms, in_size=64)
    seen = np.asarray(constant_current(digits.x_train))
    rounded = _accuracy(quantize(f, TARGET, calibration=seen, spec=spec), x, digits.y_test)
    module = fine_tune(
        f,
        TARGET,
        seen,
        digits.y_train,
        epochs=FINE_TUNING_EPOCHS,
        seed=seed,
        on_epoch=lambda epoch: progress(
            "fine-tune in integers",
            epoch.number,
            FINE_TUNING_EPOCHS,
            f"epoch {epoch.number}/{FINE_TUNING_EPOCHS}, loss {epoch.loss:.4f}",
        ),
        spec=spec,
    )
    q = module.to_int()
    progress("simulate: fast and fine-tuning against reference")
    codes = q.encode(x).codes
    simulators, reference = _prove_simulators(q, codes)
    fine_tuning = _prove_fine_tuning(module, x, reference)
    facts = {"labels": digits.y_test, "spec": spec, "seed": seed, "overwrite": overwrite}
    saved = save(q, folder, trained=f, inputs=x, **facts, progress=progress)
    progress("verify the bundle")
    replayed = _replay(folder, saved)
    progress("done", 1)
    assert saved.report is not None  # the demo gives inputs
    card = _card(saved, rounded, seed, (fine_tuning, simulators, *saved.proofs, *replayed))
    return DemoResult(report=saved.report, card=card, saved=saved)


def _is_of(folder: Path, seed: int, spec: QuantSpec) -> bool:
    """Whether a folder holds a bundle that may go: LX008 for one that was asked for otherwise, before the training."""
    if not is_bundle(folder):
        return False
    asked = {"seed": read_json(folder / MANIFEST).get("seed"), "choices": _choices(folder)}
    for what, wanted in (("seed", seed), ("choices", spec)):
        if asked[what] != wanted:
            found = f"{folder}: a bundle of another network, {what} {asked[what]}"
            raise error("LX008", found=found, fix="choose a new name, or replace it: --force, overwrite=True")
    return True


def _choices(folder: Path) -> QuantSpec | None:
    return load_quantspec(folder / SPEC) if (folder / SPEC).exists() else None


def _require_packages() -> None:
    """Name what the demo needs besides lifexport now, not in the middle of it (LX005)."""
    missing = [name for name in ("sklearn", "optax") if importlib.util.find_spec(name) is None]
    if missing:
        found = f"{', '.join(missing)} not installed"
        raise error("LX005", found=found, fix='pip install "lifexport[demo]"')


def _widths(weight_bits: int, state_bits: int) -> QuantSpec:
    """Widths as the target knows them; refused are others now, not after training."""
    spec = QuantSpec(weight_bits=weight_bits, state_bits=state_bits)
    resolve(spec, load_target(TARGET))
    return spec


def _prove_simulators(q: IntNetwork, codes: np.ndarray) -> tuple[str, Trace]:
    """Run fast path and reference on everything, and require equal membranes, spikes and overflow counts (LX303)."""
    record = ("v", "spikes", "overflows")
    reference, fast = (simulate(q, codes, record=record, backend=backend) for backend in ("reference", "fast"))
    for name in q.populations:
        with at_node(name):
            _require_equal("V", fast.v[name], reference.v[name])
            _require_equal("spikes", fast.spikes[name], reference.spikes[name])
            for word, found in reference.overflows[name].items():
                _require_equal(
                    f"overflows of {word}", *(np.array(o.count) for o in (fast.overflows[name][word], found))
                )
    values = sum(v.size for v in reference.v.values())
    return (
        f"fast simulator equals the reference: {values} V and {values} spikes of the test set, 0 differ",
        reference,
    )


def _prove_fine_tuning(module: QAT, x: np.ndarray, reference: Trace) -> str:
    """Run what fine-tuning differentiates, and require the membranes and spikes of the reference (LX303)."""
    ints = integers_inside_gradient(module, module.encode(x))
    for name, v in reference.v.items():
        spikes = reference.spikes[name]
        with at_node(name):
            _require_equal("V", np.asarray(ints.v[name]).astype(v.dtype), v)
            _require_equal("spikes", np.asarray(ints.spikes[name]).astype(spikes.dtype), spikes)
    values = sum(v.size for v in reference.v.values())
    return f"forward pass of fine-tuning equals the reference: {values} V and {values} spikes of the test set, 0 differ"


def _accuracy(network: IntNetwork, x: np.ndarray, y: np.ndarray) -> Proportion:
    right = simulate(network, x).prediction.labels == y
    return Proportion(count=int(right.sum()), total=len(y))


def _replay(folder: Path, saved: Saved) -> tuple[str, ...]:
    """Open the bundle as somebody else would, against its seal; what its replay showed, in words."""
    verification = verify(folder, expect=saved.seal)
    raise_errors(verification.findings)
    return tuple(check.said for check in verification.checks if check.name in ("simulators", "nir", "certificate"))


def _require_equal(what: str, got: np.ndarray, expected: np.ndarray) -> None:
    if got.shape != expected.shape or got.dtype != expected.dtype:
        found = f"{got.dtype} {got.shape} instead of {expected.dtype} {expected.shape}"
    elif (differs := got != expected).any():
        index = tuple(int(i) for i in np.argwhere(differs)[0])
        found = f"{int(differs.sum())} values, first {got[index]} instead of {expected[index]} at {index}"
    else:
        return
    raise error("LX303", field=what, found=found, fix="please report this with the network")


def _card(saved: Saved, rounded: Proportion, seed: int, proofs: tuple[str, ...]) -> str:
    report = saved.report
    assert report is not None
    lines = [
        f"lifexport {__version__} demo: digits 64-128-10 LIF, seed {seed}",
        "",
        "proved",
        *(line for proof in proofs for line in wrapped(proof)),
        "",
        *_outcome(report, rounded),
        "",
        "measured of the fine-tuned network: " + report.card().rstrip(),
        "",
        f"sealed: {saved.seal}",
    ]
    return "\n".join(lines) + "\n"


def _outcome(report: FidelityReport, rounded: Proportion) -> list[str]:
    """Lines of what rounding cost, and what fine-tuning won back."""
    assert report.accuracy_float and report.accuracy_integer  # the demo gives labels
    bits = f"w{report.weights[0].bits}, v{report.layers[0].state_bits}"
    rows = (
        ("as trained, float", report.accuracy_float),
        (f"rounded to {bits}", rounded),
        (f"fine-tuned, {FINE_TUNING_EPOCHS} epochs", report.accuracy_integer),
    )
    return [
        f"accuracy on {rounded.total} test images",
        *(f"  {what:<22} {found.rate:7.2%}   {found.count} right" for what, found in rows),
    ]
