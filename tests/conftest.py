"""Settings end with their test; a test that is skipped for a reason not listed here fails the run."""

from __future__ import annotations

import os
import sys
from collections import Counter

import pytest

EXPECTED_SKIPS = (
    "fetched data absent",
    "another package is not installed",
    "z3 is not installed",
    "could not import 'lifexport.simulation.event",
)
"""Beginnings of the reasons for which a test may be skipped."""

_skipped: list[tuple[str, str]] = []


SAMPLE = 19  # shares no factor with the periods of cases
"""Of a test marked ``sampled`` or ``thorough`` one case in so many runs; all with LIFEXPORT_EVERY=1, or by name."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]):
    by_name = config.getoption("keyword") or any("::" in str(arg) for arg in config.args)
    if by_name or os.environ.get("LIFEXPORT_EVERY") == "1":
        return
    seen: Counter[str] = Counter()
    left, kept = [], []
    for item in items:
        test = item.nodeid.split("[")[0]
        drop = any(map(item.get_closest_marker, ("sampled", "thorough"))) and seen[test] % SAMPLE
        seen[test] += 1
        (left if drop else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


@pytest.fixture(autouse=True)
def settings_end_with_the_test():
    """A ``dt`` or a precision left behind would let the next test pass, or fail, for no reason of its own.

    So would weights drawn from wherever the test before left the generator: every test draws the same ones.
    """
    # Only where something used it: tests of the core import neither jax nor brainstate.
    if "brainstate" in sys.modules:
        sys.modules["brainstate"].random.seed(0)
    yield
    if "brainstate" in sys.modules:
        assert sys.modules["brainstate"].environ.all() == {"precision": 32}


def pytest_runtest_logreport(report: pytest.TestReport):
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append((report.nodeid, reason.removeprefix("Skipped: ")))


def unexpected() -> list[tuple[str, str]]:
    return [(test, reason) for test, reason in _skipped if not reason.startswith(EXPECTED_SKIPS)]


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"{len(_skipped)} tests skipped, {len(unexpected())} of them unexpectedly")
    for test, reason in unexpected():
        terminalreporter.write_line(f"unexpected skip: {test}: {reason}")


def pytest_sessionfinish(session: pytest.Session):
    if unexpected() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
