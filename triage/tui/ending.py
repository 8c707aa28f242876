"""Being told to end: SIGTERM, and SIGHUP from a terminal that is gone, however busy the console is."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["SIGNALS", "told_by_signals"]

SIGNALS = (signal.SIGHUP, signal.SIGTERM)


@contextlib.contextmanager
def told_by_signals(leave: Callable[[], object]) -> Iterator[None]:
    """Have ``leave`` called in the running loop when such a signal comes.

    Not by ``loop.add_signal_handler``: its signals come through the pipe that wakes the loop, and where keys have
    filled that, they are lost.
    """
    loop = asyncio.get_running_loop()

    def tell(*_: object) -> None:
        loop.call_soon_threadsafe(leave)

    before = {number: signal.signal(number, tell) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
