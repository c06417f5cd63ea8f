"""Turns the first SIGINT or SIGTERM into a polite request to stop, and the second into an exit at once.

A stage polls the `Stop`, saves its state and returns. Exit codes are the shell's: 130 after SIGINT, 143 after SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_SHOW_CURSOR = "\x1b[?25h"


@dataclass(kw_only=True, slots=True)
class Stop:
    """Whether to stop; `signal` is the number of the signal that asked for it, 0 while none did."""

    signal: int = 0

    def __call__(self) -> bool:
        return self.signal != 0

    @property
    def exit_code(self) -> int:
        """128 + signal, as shells count; 0 while nothing asked to stop."""
        return 128 + self.signal if self.signal else 0


@contextmanager
def stop_on_signals(notice: str = "") -> Iterator[Stop]:
    """Within the block SIGINT and SIGTERM set the flag; a second one ends the process without further ado.

    `notice` is written to stderr at the first: a stage may need a while to save.
    """
    stop = Stop()

    def receive(number: int, _frame: FrameType | None) -> None:
        if stop():
            _exit_at_once(128 + number)
        stop.signal = number
        if notice:
            os.write(sys.__stderr__.fileno(), f"\n{notice}\n".encode())  # print could be in the middle of something

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_at_once(code: int) -> None:
    """No clean-up that could wait for a thread: whatever was written durably stays, the kernel gives the lock back."""
    if sys.__stderr__.isatty():
        os.write(sys.__stderr__.fileno(), _SHOW_CURSOR.encode())
    os._exit(code)
