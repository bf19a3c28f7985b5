"""Settings end with their test; a test that is skipped for a reason not listed here fails the run."""

from __future__ import annotations

import sys

import pytest

EXPECTED_SKIPS = ("fetched data absent", "z3 is not installed", "could not import 'lifexport.simulation.event")
"""Beginnings of the reasons for which a test may be skipped."""

_skipped: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def settings_end_with_the_test():
    """A ``dt`` or a precision left behind would let the next test pass, or fail, for no reason of its own."""
    yield
    # Only where the test used it: tests of the core import neither jax nor brainstate.
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
