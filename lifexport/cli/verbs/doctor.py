"""``lifexport doctor``."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from ... import __version__
from ..options import as_json
from ..printing import say, say_json

NEEDED = (
    "numpy",
    "jax",
    "brainstate",
    "nir",
    "onnx",
    "onnxruntime",
    "jsonschema",
    "click",
    "rich",
    "matplotlib",
    "jinja2",
)
OPTIONAL = {
    "numba": "the event-driven simulator",
    "optax": "fitting and fine-tuning",
    "scikit-learn": "the demo's digits",
    "norse": "running NIR files there",
    "snntorch": "running NIR files there",
    "qonnx": "running files of dialect qonnx there",
    "hls4ml": "compiling files of dialect qonnx",
    "distributed": "sweeps on a cluster",
}
"""Packages that single steps need, and which steps."""


@click.command()
@as_json
def doctor(as_json: bool) -> int:
    """Print versions, and which optional packages are there; exit code 1 if a needed one is missing.

    Nothing is imported: a broken package is told by its absence alone. Example: lifexport doctor --json
    """
    needed = {name: _version(name) for name in NEEDED}
    optional = {name: _version(name) for name in OPTIONAL}
    if as_json:
        about = {"lifexport": __version__, "python": platform.python_version(), "machine": platform.platform()}
        say_json(about | {"needed": needed, "optional": optional})
    else:
        say(f"lifexport {__version__}, Python {platform.python_version()}, {platform.platform()}")
        for name, found in needed.items():
            say(f"  {name:<14} {found or 'MISSING: pip install lifexport'}")
        say("optional")
        for name, found in optional.items():
            say(f"  {name:<14} {found or 'not installed':<14} {OPTIONAL[name]}")
    return 0 if all(needed.values()) else 1


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
