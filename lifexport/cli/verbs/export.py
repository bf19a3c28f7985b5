"""``lifexport export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .. import options, outcome
from ..printing import Progress, say, say_json, sentence

KINDS = {".nir": "nir", ".onnx": "onnx"}


@click.command()
@click.argument("model")
@options.reading
@click.option("--target", help="For a trained network: what it is quantized for.")
@options.inputs(required=False, what="Inputs to run and compare on; and to calibrate on, unless others are given")
@click.option(
    "--calibration",
    callback=options.not_empty_if_given,
    help="Inputs to calibrate on, as for --inputs: training data, so that the others are evidence.",
)
@click.option(
    "--out", required=True, callback=options.not_empty, help="A folder for a bundle, or a .nir or .onnx file."
)
@click.option("--profile", help="Importer that a .nir file is written for.")
@click.option("--form", help="Form of an .onnx file: scan, step or layerwise.")
@click.option("--thresholds", callback=options.not_empty_if_given, help="TOML file whose table [fidelity] must hold.")
@click.option("--hdl", is_flag=True, help="Bundle: also text files for $readmemh.")
@click.option("--seed", type=int, help="Bundle: seed of the training, noted in the manifest.")
@options.force
@options.choices
@options.as_json
def export(
    model: str,
    reading: dict[str, Any],
    target: str | None,
    inputs: str | None,
    calibration: str | None,
    out: str,
    profile: str | None,
    form: str | None,
    thresholds: str | None,
    hdl: bool,
    seed: int | None,
    force: bool,
    spec: Any,
    as_json: bool,
) -> int:
    """Export the network of MODEL (.nir, .onnx, .json or a bundle); what is written is read back, run and proved.

    A bundle holds the integer network, its NIR and ONNX files, golden vectors, certificate and fidelity report, sealed.
    Example: lifexport export model.nir --target fpga-q --inputs x.npz --out out
    """
    from ...arrayfiles import read_inputs
    from ...bundle import Bundle
    from ...bundle.networks import read_network
    from ...files import require_folder_name
    from ...findings import error
    from ...network import IntNetwork
    from ...quantization import quantize

    kind = KINDS.get(Path(out).suffix.lower(), "bundle")
    flags = {"hdl": hdl or None, "force": force or None}
    _require_sense(kind, profile=profile, form=form, seed=seed, thresholds=thresholds, **flags)
    options.require_apart(out, model, inputs, calibration, target, thresholds)
    if kind == "bundle":
        require_folder_name(out)
    network, trained = read_network(model, **reading), None
    x, labels = (None, None) if inputs is None else read_inputs(inputs)
    seen = x if calibration is None else read_inputs(calibration)[0]
    noted = spec
    if Path(model).is_dir():  # a bundle of a bundle keeps what it was made of
        opened = Bundle(model)
        trained, noted = opened.trained, opened.spec
    if isinstance(network, IntNetwork):
        _require_made(spec, target if kind != "bundle" else None, calibration)
    elif target is not None or kind == "bundle":
        trained, network = network, quantize(network, _target(target), calibration=seen, spec=spec)
    elif calibration is not None:
        fix = "add --target, or leave it out"
        raise error("LX006", field="--calibration", found="given, and nothing is quantized", fix=fix)
    if kind != "bundle" or not isinstance(network, IntNetwork):
        return _file(kind, network, out, profile=profile, form=form, x=x, as_json=as_json)
    from ...bundle import save
    from ...fidelity import Thresholds

    asked = None if thresholds is None else Thresholds.from_toml(thresholds)
    with Progress() as progress:
        saved = save(
            network,
            out,
            trained=trained,
            inputs=x,
            labels=labels,
            spec=noted,
            target=target,
            seed=seed,
            thresholds=asked,
            hdl=hdl,
            overwrite=force,
            progress=progress,
        )
    if as_json:
        from ...bundle import manifest

        say_json(manifest.read(saved.path))
    else:
        if saved.report is not None:
            say(saved.report.card())
        for proof in saved.proofs:
            say(f"proved: {proof}")
        say(f"sealed in {out}: {saved.seal}")
    return max(outcome.worst(saved.findings), outcome.of_report(saved.report))


def _require_sense(kind: str, **given: Any) -> None:
    """Refuse options that say nothing about what is written (LX006)."""
    from ...findings import error

    apply = {"profile": "nir", "form": "onnx", **dict.fromkeys(("hdl", "seed", "thresholds", "force"), "bundle")}
    for name, value in given.items():
        if value is not None and apply[name] != kind:
            raise error("LX006", field=f"--{name}", found=f"given for a {kind}", fix=f"it is for a {apply[name]}")


def _require_made(*given: Any) -> None:
    """Refuse to quantize integers again (LX006)."""
    from ...findings import error

    if any(value is not None for value in given):
        fix = "leave them out, or give the trained network"
        raise error("LX006", found="a target, choices or calibration for integers that are made already", fix=fix)


def _target(target: str | None) -> str:
    from ...findings import error

    if target is None:
        fix = "add --target, or write a .nir or .onnx file of the trained network"
        raise error("LX006", field="--target", found="none for a trained network", fix=fix)
    return target


def _file(kind: str, network: Any, out: str, *, profile: Any, form: Any, x: Any, as_json: bool) -> int:
    if kind == "nir":
        from ...export.nir_graph import to_nir

        result = to_nir(network, out, profile=profile or "plain")
    else:
        from ...export.onnx_model import to_onnx

        result = to_onnx(network, out, form=form, inputs=x)
    if as_json:
        about = {"path": out, "bytes": result.size, "sha256": result.sha256, "proofs": list(result.proofs)}
        say_json(about | {"findings": [finding.to_json() for finding in result.findings]})
        return outcome.worst(result.findings)
    for proof in result.proofs:
        say(f"proved: {proof}")
    for finding in result.findings:
        say(sentence(finding))
    say(f"written to {out}: {result.size} bytes, sha256 {result.sha256}")
    return outcome.worst(result.findings)
