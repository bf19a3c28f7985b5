"""The page: every number from the report, the certificate and the networks, every name escaped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, arrays
from ..certificate import Certificate
from ..fidelity import FidelityReport
from ..fidelity.comparing import input_digest
from ..files import require_suffix, write_text
from ..findings import error
from ..network import FloatNetwork, IntNetwork
from . import figures, pictures
from .drawing import style
from .formats import FILTERS
from .sample import SampleRun, run_sample

TEMPLATE = "template.html"


def html_report(
    f: FloatNetwork,
    q: IntNetwork,
    x: np.ndarray,
    report: FidelityReport,
    *,
    labels: np.ndarray | None = None,
    certificate: Certificate | None = None,
    sweep: Mapping[str, Any] | None = None,
    cost: Mapping[str, Any] | None = None,
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
    labels : int array, shape ``(batch,)``, optional
        True classes, to name that of the sample shown.
    certificate : Certificate, optional
        As ``certify(q)`` returns it.
    sweep, cost : dict, optional
        JSON of a sweep of ``f`` and of a cost.
    title : str, optional

    Returns
    -------
    str
        HTML 5, nothing of it loaded from elsewhere, no script, no date: equal arguments give equal text, whatever
        the user's settings of matplotlib.

    Raises
    ------
    ParameterError
        LX006 if the report is of other networks or inputs, the certificate of another network, the sweep of another
        trained network.

    Notes
    -----
    Pictures are SVG inside of the page. Sections appear where there is something to say: an overlay of a neuron for
    every layer, rasters of at most 200 neurons, the first divergence where there is one, causes, verdict, certificate.
    """
    import jinja2  # slow to load

    x = arrays.numbers(x, node=f.input_name, code="LX301")
    f.check_input(x)
    _require_theirs(f, q, x, report, certificate, sweep)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    run = run_sample(f, q, x, report)
    document, fired = report.to_json(), _fired(run, report)
    first = report.first_divergence
    measured = [] if sweep is None else [row for row in sweep["rows"] if "refused" not in row]
    with style():
        return environment.get_template(TEMPLATE).render(
            title=title or f"Fidelity on {report.target}",
            version=__version__,
            r=document,
            ok=report.ok,
            origin=report.origin,
            layers=report.layers,
            run=run,
            label=None if labels is None else int(np.asarray(labels)[run.sample]),
            fired=fired,
            spikes=list(pictures.spikes(q, run)),
            membranes=pictures.overlays(run, report),
            divergence=pictures.divergence(run, first.node, first.step) if first and fired else (),
            weights=pictures.weights(f, q, report),
            certificate=None if certificate is None else _bounds(certificate),
            sweep=sweep,
            pareto=figures.pareto(measured) if measured else None,
            cost=cost,
        )


def save_html(path: str | os.PathLike[str], *given: Any, **options: Any) -> Path:
    """Write the page of ``html_report(*given, **options)``, whole or not at all (LX002)."""
    return write_text(require_suffix(path, ".html"), html_report(*given, **options))


def _require_theirs(
    f: FloatNetwork,
    q: IntNetwork,
    x: np.ndarray,
    report: FidelityReport,
    certificate: Certificate | None,
    sweep: Mapping[str, Any] | None,
) -> None:
    """Refuse to put side by side what does not belong together."""
    trained, integer = f.digest(), q.digest()
    for field, theirs, here, fix in (
        ("report", (report.float_digest, report.integer_digest), (trained, integer), "compare these networks"),
        ("x", report.input_digest, input_digest(x), "give the inputs that were compared"),
        ("certificate", certificate and certificate.network, certificate and integer, "certify this network"),
        ("sweep", sweep and sweep["network"], sweep and trained, "sweep this network"),
    ):
        if theirs != here:
            found = "other inputs than the report's" if field == "x" else f"a {field} of another network"
            raise error("LX006", field=field, found=found, fix=fix)


def _fired(run: SampleRun, report: FidelityReport) -> str | None:
    """Which network has the first spike that differs; None if there is none, or the sample alone does not show it."""
    if (first := report.first_divergence) is None:
        return None
    layer = run.layer(first.node)
    a, b = (int(spikes[first.step, layer.watched]) for spikes in (layer.spikes_float, layer.spikes_integer))
    return None if a == b else "trained network" if a > b else "integer network"


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
