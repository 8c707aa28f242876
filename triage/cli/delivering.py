"""One decision from the command line: logged, followed until its outcome is known, and told."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import click

from triage.cli import output
from triage.cli.exits import Exit, Stop, exit_of
from triage.cli.seeking import Decided, Found, locate, poll
from triage.cli.workplace import Workplace, run
from triage.desk.desk import Change, Desk, ItemChanged, ItemGone, Refused
from triage.model.decision import REOPENING_STATES, DeliveryState, Verdict
from triage.store.log import AlreadyDecided, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.cli.verdicts import Build
    from triage.model.item import Item
    from triage.store.queue import Entry

__all__ = ["Result", "Terms", "carry_out", "finish", "follow", "result_of"]


class Terms(NamedTuple):
    """How a decision is to be made and waited for."""

    revision: str | None
    hold_s: float
    timeout_s: float
    no_wait: bool
    as_json: bool


class Result(NamedTuple):
    """What came of it."""

    item: str
    decision: str | None
    state: str
    detail: str
    code: Exit
    words: str
    """The same for the operator."""


def carry_out(prefix: str, terms: Terms, build: Build) -> NoReturn:
    """Decide the item whose id begins with ``prefix``, and end with what came of it."""
    place = Workplace()
    place.must_decide()
    finish(run(lambda: _decide(place, prefix, terms, build)), as_json=terms.as_json)


def finish(result: Result, *, as_json: bool) -> NoReturn:
    """Print a result and end the command with its exit code."""
    if as_json:
        output.data(
            {"id": result.item, "decision": result.decision, "state": result.state, "detail": result.detail}
        )
    output.say(result.words)
    raise click.exceptions.Exit(result.code)


async def _decide(place: Workplace, prefix: str, terms: Terms, build: Build) -> Result:
    try:
        found = await locate(place, prefix)
    except Decided as error:
        return _too_late(error.record)
    try:
        return await _deliver(place, found, terms, build)
    except AlreadyDecided as first:
        return _too_late(first.record)
    except ItemChanged as error:
        return _not_decided(found, "stale", f"{error}. `triage show {found.id}` shows it", Exit.CHANGED)
    except Refused as error:
        return _not_decided(found, "refused", str(error), Exit.REFUSED)


def _too_late(record: Record) -> Result:
    """Somebody else's decision stands, or one that was made earlier."""
    decision, words = record.decision, str(AlreadyDecided(record))
    if record.state in REOPENING_STATES:
        words = f"it no longer waits; last, {words}"
    told = f"{decision.item_id} was not decided now: {words}"
    return Result(decision.item_id, decision.id, record.state.value, words, Exit.REFUSED, told)


def _not_decided(found: Found, state: str, why: str, code: Exit) -> Result:
    return Result(found.id, None, state, why, code, f"{found.id} was not decided: {why}")


async def _deliver(place: Workplace, found: Found, terms: Terms, build: Build) -> Result:
    async with place.desk((found.endpoint,), strict=True) as desk:
        if terms.no_wait and not desk.is_staffed(found.endpoint):
            raise Stop(
                f"no console is open that would deliver to {found.endpoint}, so nothing was decided; leave "
                "--no-wait out",
                Exit.USAGE,
            )
        entry = await _entry(place, desk, found, terms.revision)
        verdicts = build(desk, entry)
        _warn(entry.item, verdicts)
        record = desk.decide(found.id, entry.item.revision, verdicts, hold_s=terms.hold_s)
        _drop_drafts(desk, entry, verdicts)
        if terms.no_wait and desk.is_staffed(found.endpoint):
            return result_of(record)._replace(code=Exit.OK)
        await desk.start()
        return result_of(await follow(desk, record, terms.timeout_s))


async def _entry(place: Workplace, desk: Desk, found: Found, revision: str | None) -> Entry:
    """The item to decide, as the operator saw it; polled once more where the queue has it otherwise.

    Raises AlreadyDecided, ItemGone and ItemChanged, which deciding would raise too, but before any editor opens.
    """
    record = desk.record(found.id)
    if record is not None and record.state not in REOPENING_STATES:
        raise AlreadyDecided(record)
    entry = desk.entry(found.id)
    if not _as_seen(entry, revision):
        async with place.desk((found.endpoint,), look_only=True) as looking:
            await poll(looking)
        desk.queue.refresh()
        entry = desk.entry(found.id)
    if entry is None:
        raise ItemGone(f"item {found.id} has just left the queue")
    if entry.gone is not None:
        raise ItemGone(f"it no longer waits: {entry.gone.reason} {entry.gone.detail}".strip())
    if not _as_seen(entry, revision):
        raise ItemChanged("it has changed since that revision was shown; look at it again")
    return entry


def _as_seen(entry: Entry | None, revision: str | None) -> bool:
    return entry is not None and entry.gone is None and revision in (None, entry.item.revision)


def _warn(item: Item, verdicts: Sequence[Verdict]) -> None:
    """Say what else a verb would do, and let whoever sits at a terminal think again."""
    warnings = [item.warnings[verb] for verb in {each.verb for each in verdicts} if verb in item.warnings]
    for warning in warnings:
        output.say(f"Mind: {warning}")
    if warnings and sys.stdin.isatty() and not click.confirm("Go on?", err=True):
        raise Stop("nothing was decided")


def _drop_drafts(desk: Desk, entry: Entry, verdicts: Sequence[Verdict]) -> None:
    for verb in {verdict.verb for verdict in verdicts} & set(entry.marks.drafts):
        desk.draft(entry.item.id, verb, None)


async def follow(desk: Desk, record: Record, timeout_s: float) -> Record:
    """The record once its outcome is known, or time or the operator's patience ran out.

    What is still held then is taken back, unless a console that stays will deliver it or the terminal
    was lost.
    """
    decision = record.decision
    teller = _Teller(desk, decision.id)
    unsubscribe = desk.subscribe(teller.look)
    with _hangups() as lost:
        try:
            teller.look()
            return await desk.wait(decision.id, timeout_s or None)
        except TimeoutError:
            output.say(f"Nothing final within {timeout_s:g} s.")
            return _take_back(desk, record) if not desk.is_staffed(decision.endpoint) else _now(desk, record)
        except asyncio.CancelledError:
            _take_up_again()
            return _now(desk, record) if lost else _take_back(desk, record)
        finally:
            unsubscribe()


def _take_up_again() -> None:
    """Let the task go on after it was told to end: what is under way is carried through."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


@contextmanager
def _hangups() -> Iterator[list[int]]:
    """Have SIGHUP and SIGTERM cancel the running task; the list then holds their numbers."""
    loop, task, caught = asyncio.get_running_loop(), asyncio.current_task(), list[int]()
    numbers = (signal.SIGHUP, signal.SIGTERM)

    def end(number: int) -> None:
        caught.append(number)
        if task is not None:
            task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, end, number)
    try:
        yield caught
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _take_back(desk: Desk, record: Record) -> Record:
    """Undo what is still held; whatever is on its way already stays so."""
    try:
        return desk.undo(record.decision.id)
    except Refused:
        return _now(desk, record)


def _now(desk: Desk, record: Record) -> Record:
    return desk.log.record(record.decision.id) or record


class _Teller:
    """Tells on standard error how one delivery goes."""

    def __init__(self, desk: Desk, decision_id: str) -> None:
        self._desk = desk
        self._id = decision_id
        self._told = ""

    def look(self, change: Change | None = None) -> None:
        """Say what is new of it."""
        if change is not None and self._id not in change.decisions:
            return
        words = self._words()
        if words and words != self._told:
            self._told = words
            output.say(words)

    def _words(self) -> str:
        record = self._desk.log.record(self._id)
        reason = self._desk.wait_reason(self._id)
        match record.state if record else None:
            case DeliveryState.HELD if record and record.decision.hold_s and not reason:
                return f"held {record.decision.hold_s:g} s; ctrl+c takes it back"
            case DeliveryState.HELD:
                return f"held: {reason}" if reason else ""
            case DeliveryState.SENDING | DeliveryState.SENT:
                return f"{record.state}: {reason}" if record and reason else "sent"
        return ""


def result_of(record: Record) -> Result:
    """What a record says, as a result."""
    decision, state = record.decision, record.state
    parts = [record.detail, record.effect, f"note: {record.note}" if record.note else ""]
    detail = output.sentences(parts)
    words = f"{decision.item_id} {decision.words}: {_STATE_WORDS.get(state, state.value)}"
    advice = _ADVICE.get(state, "").format(item=decision.item_id)
    told = "\n".join(filter(None, (f"{words}: {detail}" if detail else f"{words}.", advice)))
    return Result(decision.item_id, decision.id, state.value, detail, exit_of(state), told)


_STATE_WORDS = {DeliveryState.WITHDRAWN: "taken back, nothing was sent", DeliveryState.STALE: "not sent"}
_ADVICE = {
    DeliveryState.HELD: "It is held in the log; `triage undo {item}` takes it back.",
    DeliveryState.SENDING: "It is on its way; `triage wait {item}` says what comes of it.",
    DeliveryState.SENT: "It is on its way; `triage wait {item}` says what comes of it.",
    DeliveryState.UNKNOWN: "Nobody knows whether it took effect; it is not sent again. `triage wait {item}` looks "
    "again, `triage close {item} --note TEXT` ends it by hand.",
}
