"""Looking at a server: all that waits there, and one question again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from triage.connectors.base import Poll
from triage.connectors.few_at_a_time import few_at_a_time
from triage.connectors.http import Busy, Declined, Denied, EndpointError, Garbled
from triage.connectors.langgraph.api import Api, Thread
from triage.connectors.langgraph.fate import became_of
from triage.connectors.langgraph.listing import has_id, listed
from triage.connectors.langgraph.reading import Reading, is_future, needs_state, read_thread
from triage.model.item import Gone, Item

__all__ = ["Looking"]

PENDING = ("interrupted", "error")
STATUSES = (*PENDING, "idle", "busy")


class Looking:
    """Reads threads into items, each thread's state only when that is needed and the thread has changed."""

    def __init__(self, endpoint: str, api: Api) -> None:
        self.endpoint = endpoint
        self.api = api
        self._readings: dict[str, tuple[str, Reading]] = {}
        """Thread id → its status and stamp when its state was read, and what that gave."""

    async def poll(self, metadata: dict[str, Any]) -> Poll:
        """Interrupted threads and those in error, each read closer where its row cannot be trusted."""
        problems: list[str] = []
        threads: dict[str, Thread] = {}
        for status in PENDING:
            for row in await listed(self.api, status, metadata):
                try:
                    thread = _thread(row)
                except msgspec.ValidationError as error:
                    problems.append(f"{_name_of(row)} cannot be read: {error}")
                else:
                    if thread.status in PENDING:
                        threads[thread.thread_id] = thread
        readings = await self._read_all(list(threads.values()))
        self._readings = {key: kept for key, kept in self._readings.items() if key in threads}
        problems += [problem for reading in readings for problem in reading.problems]
        problems += _clock_problem(list(threads.values()))
        return Poll(tuple(item for reading in readings for item in reading.items), tuple(problems))

    async def _read_all(self, threads: Sequence[Thread]) -> list[Reading]:
        """The readings of many threads, a few at a time."""
        return await few_at_a_time(self._reading, threads)

    async def _reading(self, thread: Thread) -> Reading:
        """What waits in a listed thread; kept until the thread changes."""
        if not needs_state(thread):
            return read_thread(self.endpoint, thread, None)
        stamp, kept = f"{thread.status} {thread.stamp}", self._readings.get(thread.thread_id)
        if thread.stamp and kept and kept[0] == stamp:
            return kept[1]
        try:
            reading = await self._closer(thread)
        except (Denied, Busy):
            raise
        except (Declined, Garbled) as error:
            return Reading(problems=(f"thread {thread.thread_id} cannot be read: {error}",))
        self._readings[thread.thread_id] = (stamp, reading)
        return reading

    async def _closer(self, thread: Thread) -> Reading:
        state = await self.api.state(thread.thread_id)
        if state is None:
            return Reading()
        error = None
        if thread.status == "error" and not state.failures:
            whole = await self.api.thread(thread.thread_id)
            error = whole.error if whole else None
        return read_thread(self.endpoint, thread, state, error)

    async def reread(self, item: Item) -> Item | Gone:
        """The question as the thread's state has it now."""
        thread_id = item.locator["thread_id"]
        thread = await self.api.thread(thread_id)
        if thread is None:
            return Gone("deleted", "the thread is deleted")
        if thread.status == "busy":
            return await self._while_busy(item)
        state = await self.api.state(thread_id)
        if state is None:
            return Gone("deleted", "the thread is deleted")
        reading = read_thread(self.endpoint, thread, state, thread.error)
        for found in reading.items:
            if found.key == item.key:
                return found
        if reading.problems:
            raise Garbled("; ".join(reading.problems))
        if any(found.key == f"{item.key}|failed" for found in reading.items):
            return Gone("answered", "an answer made the agent's step fail; what is stuck is listed by itself")
        return await became_of(self.api, item, state)

    async def _while_busy(self, item: Item) -> Gone:
        """A run is under way: an answer to this very question, or something that leaves it open."""
        runs = [run for run in await self.api.runs(item.locator["thread_id"]) if run.at_work]
        answering = next((run for run in runs if run.answers(item.locator.get("interrupt_id", ""))), None)
        if answering:
            return Gone("answered", f"being answered by {answering.words()}")
        raise EndpointError(f"thread {item.locator['thread_id']} is at work; look again when it rests")


def _thread(row: Any) -> Thread:
    thread: Thread = msgspec.convert(row, Thread)
    if thread.status not in STATUSES:
        raise msgspec.ValidationError(f"its status is {thread.status[:40]!r}")
    return thread


def _clock_problem(threads: Sequence[Thread]) -> list[str]:
    """A word on the server's clock when it is ahead of ours."""
    ahead = next((thread for thread in threads if is_future(thread, datetime.now(UTC))), None)
    if ahead is None:
        return []
    return [f"thread {ahead.thread_id} changed at {ahead.stamp}, in the future: check the server's clock"]


def _name_of(row: Any) -> str:
    return f"thread {row['thread_id'][:80]}" if has_id(row) else "a thread without an id"
