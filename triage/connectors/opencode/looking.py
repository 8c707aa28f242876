"""What waits on an opencode server: which directories are looked at, and what is dead though listed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from triage.connectors.base import Poll
from triage.connectors.few_at_a_time import few_at_a_time
from triage.connectors.http import Busy, Declined, Denied, EndpointError, Garbled, Unreachable, segment
from triage.connectors.opencode.api import Api, Call, Permission, Question, Session, Tool
from triage.connectors.opencode.asking import permission_item, question_item
from triage.model.item import Item

__all__ = ["Looking"]

_DAY_MS = 86_400_000

Asked = TypeVar("Asked", Permission, Question)


class _Found(msgspec.Struct, frozen=True):
    """What waits in one directory."""

    items: list[Item]
    problems: list[str]
    dead: set[str]


class Looking:
    """One server's waiting requests. Remembers its sessions, and which requests were found dead.

    Args:
        directories: those to look at; empty: all with a session that changed in ``recent_days``.
    """

    def __init__(self, endpoint: str, api: Api, directories: Sequence[str], recent_days: float) -> None:
        self.endpoint = endpoint
        self.api = api
        self.directories = list(dict.fromkeys(directories))
        self.recent_days = recent_days
        self._sessions: dict[str, Session] = {}
        self._dead: set[str] = set()

    async def poll(self) -> Poll:
        """What waits in every directory that is looked at."""
        problems: list[str] = []
        directories = self.directories or await self._recent(problems)
        items: dict[str, Item] = {}
        dead: set[str] = set()
        failed: list[EndpointError] = []
        for directory, found in (await self._look_at(directories)).items():
            if isinstance(found, EndpointError):
                failed.append(found)
                problems.append(f"{directory or 'its own directory'} cannot be looked at: {found}")
                continue
            for item in found.items:
                self._put(items, item)
            problems += found.problems
            dead |= found.dead
        if failed and len(failed) == len(directories):
            raise failed[0]
        self._dead = dead
        return Poll(tuple(items.values()), tuple(dict.fromkeys(problems)))

    async def listed(self, item: Item) -> list[Item]:
        """All of the item's sort that waits in its directory now. Raises Garbled when it is there unreadable."""
        directory, sort = item.locator["directory"], item.locator["sort"]
        problems: list[str] = []
        if sort == "permission":
            found = list(self._items(directory, await self._asked(sort, Permission, directory, problems), ()))
        else:
            found = list(self._items(directory, (), await self._asked(sort, Question, directory, problems)))
        ours = f"{sort} {item.locator['request_id']} "
        unreadable = next((problem for problem in problems if problem.startswith(ours)), None)
        if unreadable:
            raise Garbled(unreadable)
        return found

    async def call(self, item: Item) -> Call | None:
        """Where the tool call stands that the item is about; None when nothing tells."""
        where = item.locator
        if where["tool"] is None:
            return None
        tool = msgspec.convert(where["tool"], Tool)
        return await self.api.call(where["directory"], where["session_id"], tool)

    async def busy(self, directory: str) -> set[str] | None:
        """Ids of the sessions at work in a directory; None where the server does not tell."""
        try:
            return await self.api.busy(directory)
        except (Denied, Busy):
            raise
        except (Declined, Garbled):
            return None

    def _put(self, items: dict[str, Item], item: Item) -> None:
        """Add an item. One listed in two directories, by a server that does not tell them apart, stands in
        that of its session."""
        request_id = item.locator["request_id"]
        session = self._sessions.get(item.locator["session_id"])
        if request_id not in items or (session and session.directory == item.locator["directory"]):
            items[request_id] = item

    async def _recent(self, problems: list[str]) -> list[str]:
        """The directories of all sessions that changed lately: the first time all such sessions are asked
        for, then those that changed since."""
        recent_ms = self._recent_ms()
        newest_ms = max((session.updated for session in self._sessions.values()), default=0)
        try:
            rows = await self.api.sessions(max(newest_ms, recent_ms))
        except Garbled as error:
            problems.append(
                f"only the server's own directory is looked at ({error}); name others in directories"
            )
            return [""]
        for row in rows:
            try:
                session = msgspec.convert(row, Session)
            except msgspec.ValidationError as error:
                problems.append(f"a session cannot be read: {error}")
            else:
                self._sessions[session.id] = session
        recent = (one for one in self._sessions.values() if one.updated >= recent_ms)
        return sorted({session.directory for session in recent})

    def _recent_ms(self) -> int:
        if self.recent_days <= 0:
            return 0
        return time.time_ns() // 1_000_000 - int(self.recent_days * _DAY_MS)

    async def _look_at(self, directories: Sequence[str]) -> dict[str, _Found | EndpointError]:
        """What waits in each directory, a few at a time. Raises what goes for all of them."""

        async def one(directory: str) -> _Found | EndpointError:
            try:
                return await self._waiting_in(directory)
            except (Denied, Busy, Unreachable):
                raise
            except EndpointError as error:
                return error

        return dict(zip(directories, await few_at_a_time(one, directories), strict=True))

    async def _waiting_in(self, directory: str) -> _Found:
        problems: list[str] = []
        permissions = await self._asked("permission", Permission, directory, problems)
        questions = await self._asked("question", Question, directory, problems)
        items = list(self._items(directory, permissions, questions))
        dead = await self._dead_among(directory, items) if items else set()
        return _Found([item for item in items if item.key not in dead], problems, dead)

    async def _asked(
        self, sort: str, shape: type[Asked], directory: str, problems: list[str]
    ) -> list[tuple[Asked, Any]]:
        """One sort of request that waits in a directory, each with its row as it came."""
        asked: list[tuple[Asked, Any]] = []
        for row in await self.api.waiting(sort, directory):
            try:
                one = msgspec.convert(row, shape)
                segment(one.id)
            except (msgspec.ValidationError, Garbled) as error:
                problems.append(f"{_name_of(row, sort)} cannot be read: {error}")
                continue
            if isinstance(one, Question) and not one.questions:
                problems.append(f"{_name_of(row, sort)} cannot be read: it asks nothing")
            else:
                asked.append((one, row))
        return asked

    def _items(
        self,
        directory: str,
        permissions: Sequence[tuple[Permission, Any]],
        questions: Sequence[tuple[Question, Any]],
    ) -> Iterator[Item]:
        by_session: dict[str, list[Permission]] = {}
        for asked, _ in permissions:
            by_session.setdefault(asked.session_id, []).append(asked)
        for asked, row in permissions:
            siblings = [other for other in by_session[asked.session_id] if other.id != asked.id]
            yield permission_item(self.endpoint, directory, asked, row, siblings)
        for question, row in questions:
            yield question_item(self.endpoint, directory, question, row)

    async def _dead_among(self, directory: str, items: Sequence[Item]) -> set[str]:
        """Keys of those whose run was aborted or deleted: they stay listed, and no answer does anything."""
        dead = {item.key for item in items if item.key in self._dead}
        busy = await self.busy(directory)
        if busy is None:
            return dead
        for item in items:
            idle = item.locator["session_id"] not in busy
            if idle and item.key not in dead and not await self._answerable(item):
                dead.add(item.key)
        return dead

    async def _answerable(self, item: Item) -> bool:
        """Whether something still waits for the answer; true when nothing says otherwise."""
        if item.locator["tool"] is None:
            return True
        try:
            call = await self.call(item)
        except Garbled:
            return True
        return call is not None and call.alive


def _name_of(row: Any, sort: str) -> str:
    name = row.get("id") if isinstance(row, dict) else None
    return f"{sort} {name}" if isinstance(name, str) and name else f"a {sort} without an id"
