"""One small bundle for the tests that take it apart."""

from __future__ import annotations

import shutil

import pytest
from float_nets import float_network

import lifexport as lx


@pytest.fixture(scope="session")
def pair():
    f, x = float_network(1)
    return f, lx.quantize(f, "fpga-q", calibration=x), x


@pytest.fixture(scope="session")
def saved(pair, tmp_path_factory):
    f, q, x = pair
    spec = lx.QuantSpec()
    return lx.save(q, tmp_path_factory.mktemp("bundle") / "out", trained=f, inputs=x, spec=spec, golden_samples=2)


@pytest.fixture
def bundle(saved, tmp_path):
    """A copy one may damage."""
    return shutil.copytree(saved.path, tmp_path / "out")
