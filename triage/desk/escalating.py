"""Sending escalations out: the operators' own command gets each, beside the desk's other work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from triage.desk.piping import pipe_trouble

__all__ = ["Escalations"]

ENDING_S = 5.0
"""How long a desk that stops waits for commands under way."""


class Escalations:
    """Runs ``command`` for each escalation. ``failed`` is told the item's id and why, when one fails."""

    def __init__(self, command: str | None, failed: Callable[[str, str], None]) -> None:
        self._command = command
        self._failed = failed
        self._running: set[asyncio.Task[str]] = set()

    def send(self, item_id: str, document: dict[str, Any]) -> asyncio.Task[str] | None:
        """Have the command run; its result is why it failed, empty when it did not. None: there is no command."""
        if not self._command:
            return None
        data = msgspec.json.encode(document) + b"\n"
        task = asyncio.create_task(self._send(item_id, self._command, data), name=f"escalate {item_id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _send(self, item_id: str, command: str, data: bytes) -> str:
        try:
            trouble = await pipe_trouble(command, data)
        except asyncio.CancelledError:
            self._failed(item_id, f"{command} had not ended when triage did, and was stopped")
            raise
        if trouble:
            self._failed(item_id, trouble)
        return trouble

    async def finish(self) -> None:
        """Wait for those under way, not for long."""
        running = tuple(self._running)
        if running:
            await asyncio.wait(running, timeout=ENDING_S)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
