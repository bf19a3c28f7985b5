"""The command line called inside of the test's process: exit code and what was printed."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import NamedTuple
from unittest import mock

from lifexport import cli


class Called(NamedTuple):
    """What a call came to."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def call(*args: object) -> Called:
    """Call ``lifexport ARGS``; an exception other than the process's end is a traceback, and fails the test."""
    out, err = io.StringIO(), io.StringIO()
    argv = mock.patch.object(sys, "argv", ["lifexport", *map(str, args)])
    with argv, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as leave:
            code = leave.code
    assert isinstance(code, int)
    return Called(code, out.getvalue(), err.getvalue())
