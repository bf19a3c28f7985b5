"""Signals that end the work: at once, whatever is running, and with nothing half-written left."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

from ..drafts import discard_drafts

GRACE = 1.0
"""Seconds in which the work may end by itself; compiled code that is running does not hear of a signal."""


@contextlib.contextmanager
def signals_end_the_work() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work as an exception; where that is not heard in time, end the process."""
    there = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        there = []
    taken = [number for number in there if signal.getsignal(number) is signal.SIG_DFL]  # nohup ignores SIGHUP
    for number in taken:
        signal.signal(number, _leave)
    try:
        with _watched(taken):
            yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not end the cleaning up
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _watched(numbers: list[signal.Signals]) -> Iterator[None]:
    """A thread that is told of every signal when it arrives, and ends the process if the work goes on after it."""
    if not numbers:
        yield
        return
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(ear, ended, {*map(int, numbers)}), daemon=True).start()
    before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        mouth.close()


def _watch(ear: socket.socket, ended: threading.Event, numbers: set[int]) -> None:
    with ear:
        while told := ear.recv(1):
            if told[0] in numbers and not ended.wait(GRACE):
                _end(told[0])


def _end(number: int) -> None:
    """End the process, its workers and its drafts."""
    if "multiprocessing" in sys.modules:
        for worker in sys.modules["multiprocessing"].active_children():
            worker.kill()
    discard_drafts()
    os._exit(128 + number)
