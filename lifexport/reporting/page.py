"""The page: every number from the report, the certificate and the networks, every name escaped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..certificate import Certificate
from ..fidelity import FidelityReport
from ..files import write_text
from ..network import FloatNetwork, IntNetwork
from ..nodes import IntWeights
from ..quantization.feeding import feeding
from . import figures
from .formats import FILTERS
from .sample import run_sample

TEMPLATE = "template.html"


def html_report(
    f: FloatNetwork,
    q: IntNetwork,
    x: np.ndarray,
    report: FidelityReport,
    *,
    certificate: Certificate | None = None,
    sweep: dict[str, Any] | None = None,
    cost: dict[str, Any] | None = None,
    title: str | None = None,
) -> str:
    """One self-contained HTML page about how far a chip's network is from the trained one.

    Parameters
    ----------
    f, q : FloatNetwork, IntNetwork
        Trained, and quantized from it.
    x : array, shape ``(time, batch, *features)``
        Real inputs that ``report`` was made on; one sample of them is shown.
    report : FidelityReport
        As ``compare`` returns it.
    certificate : Certificate, optional
        As ``certify(q)`` returns it.
    sweep, cost : dict, optional
        JSON of a sweep and of a cost.
    title : str, optional

    Returns
    -------
    str
        HTML 5, nothing of it loaded from elsewhere, no script, no date: equal arguments give equal text.

    Notes
    -----
    Pictures are SVG inside of the page. Sections appear where there is something to say: an overlay of a neuron for
    every layer, rasters of at most 200 neurons, the first divergence where there is one, causes, verdict, certificate.
    """
    import jinja2  # slow to load

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    run = run_sample(f, q, x, report)
    document, first = report.to_json(), report.first_divergence
    return environment.get_template(TEMPLATE).render(
        title=title or f"Fidelity on {report.target}",
        version=__version__,
        r=document,
        ok=report.ok,
        layers=report.layers,
        sample=run.sample,
        rasters=figures.rasters(run, f.dt),
        membranes=figures.membranes(run, f.dt),
        divergence=None if first is None else figures.divergence(run, first.node, first.step, f.dt),
        weights=[(name, svg, report_row(report, name)) for name, svg in _weights(f, q)],
        certificate=None if certificate is None else _bounds(certificate),
        sweep=sweep,
        pareto=None if sweep is None else figures.pareto([row for row in sweep["rows"] if "accuracy" in row]),
        cost=cost,
    )


def save_html(path: str | os.PathLike[str], *given: Any, **options: Any) -> Path:
    """Write the page of ``html_report(*given, **options)``, whole or not at all (LX002)."""
    return write_text(path, html_report(*given, **options))


def report_row(report: FidelityReport, name: str) -> Any:
    """Row of the report about the weights of a connection."""
    return next(row for row in report.weights if row.node == name)


def _weights(f: FloatNetwork, q: IntNetwork) -> Iterator[tuple[str, str]]:
    """Every connection's weights before and after, in volt: input gain of the neurons included."""
    for name in f.populations:
        population = q.nodes[name]
        for part in feeding(f, name, q.input_code):
            node = q.nodes[part.name]
            assert isinstance(node, IntWeights)
            volt = float(node.unit) * part.per_output(population.scale.astype(float), field="scale")
            yield part.name, figures.weights(part.weight, node.weight * part.by_output(volt))


def _bounds(certificate: Certificate) -> dict[str, Any]:
    """What is proved of every population's membrane, as the certificate says it."""
    rows = []
    for name, proof in certificate.populations.items():
        rows.append(
            {
                "node": name,
                "lo": int(proof.before.lo.min()),
                "hi": int(proof.before.hi.max()),
                "word_lo": proof.word.lo,
                "word_hi": proof.word.hi,
                "safe": int(proof.safe.sum()),
                "neurons": int(proof.safe.size),
                "safe_bits": proof.safe_bits,
                "headroom": proof.headroom_bits,
            }
        )
    return {"safe": certificate.safe, "rows": rows}
