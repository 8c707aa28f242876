"""From threads to items: which questions of a thread are open, and what is wrong with it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from triage.connectors.langgraph import shapes
from triage.connectors.langgraph.api import Interrupt, State, Task, Thread, moment
from triage.model.item import Action, Item, ItemKind, Verb

__all__ = ["Reading", "error_words", "is_future", "needs_state", "not_kept", "open_ids", "read_thread"]

_MISFIT = re.compile(r"\d+ validation errors? for (.*)")
"""How a step's error begins when an answer did not fit its schema."""
_CLOCK_TOLERANCE = timedelta(minutes=5)
_ENDS = "Ends this run of the agent where it stands, for good; every other open question of it goes too."
_KEPT = "The answer that failed may be kept with the question and would then fail again: repair it first."


class Reading(msgspec.Struct, frozen=True):
    """What waits in one thread."""

    items: tuple[Item, ...] = ()
    problems: tuple[str, ...] = ()


class _Open(msgspec.Struct, frozen=True):
    """One open question and the step that asks it."""

    interrupt: Interrupt
    task: Task | None
    """Known only where the thread's state was read."""


def needs_state(thread: Thread) -> bool:
    """Whether a listed thread's own account of its questions cannot be trusted.

    After an error it may show none, or answered ones; after a late answer to one of several it shows
    that one again; at a breakpoint it shows nothing.
    """
    return thread.status != "interrupted" or sum(map(len, (thread.interrupts or {}).values())) != 1


def not_kept(shape: str, answer_schema: dict[str, Any] | None, error: str) -> bool:
    """Whether a step failed only because the answer did not fit the question's schema: the server then
    keeps nothing of it, and the same question may be answered again."""
    found = _MISFIT.match(error)
    if found is None:
        return False
    return shape == "call" or (answer_schema is not None and found[1] == answer_schema.get("title"))


def is_future(thread: Thread, now: datetime) -> bool:
    """Whether the thread says that it changed later than now."""
    at = moment(thread.stamp)
    return at is not None and at > now + _CLOCK_TOLERANCE


def open_ids(state: State) -> list[str]:
    """The ids of the questions that are open, as far as they have one."""
    raw = [one for task in state.tasks for one in task.interrupts]
    return [one["id"] for one in raw if isinstance(one, dict) and isinstance(one.get("id"), str)]


def read_thread(endpoint: str, thread: Thread, state: State | None, error: Any = None) -> Reading:
    """The items of one thread.

    Args:
        state: where it stands; None where its listed row is enough (see ``needs_state``).
        error: the thread's last error, for one that ended in it.
    """
    found, problems = _open_questions(thread, state)
    siblings = [one.interrupt.id for one in found]
    items = [_question(endpoint, thread, state, one, siblings) for one in found]
    if not items and state is not None and thread.status == "error":
        items = [_failure(endpoint, thread, state, error)]
    elif not items and not problems and state is not None and state.next and thread.status == "interrupted":
        items = [_breakpoint(endpoint, thread, state)]
    return Reading(items=tuple(items), problems=tuple(problems))


def _open_questions(thread: Thread, state: State | None) -> tuple[list[_Open], list[str]]:
    raw: list[tuple[Any, Task | None]]
    if state is not None:
        raw = [(one, task) for task in state.tasks for one in task.interrupts]
    else:
        raw = [(one, None) for several in (thread.interrupts or {}).values() for one in several]
    found: dict[str, _Open] = {}
    problems = []
    for one, task in raw:
        try:
            interrupt = msgspec.convert(one, Interrupt)
        except msgspec.ValidationError as error:
            problems.append(f"thread {thread.thread_id} has a question that cannot be read: {error}")
            continue
        found[interrupt.id] = _Open(interrupt, task)
    return list(found.values()), problems


def _question(endpoint: str, thread: Thread, state: State | None, opened: _Open, siblings: list[str]) -> Item:
    interrupt, task = opened.interrupt, opened.task
    asked = shapes.read(interrupt)
    digest = hashlib.sha256(msgspec.json.encode(interrupt.value, order="deterministic")).hexdigest()[:16]
    item = Item(
        endpoint=endpoint,
        key=f"{thread.thread_id}|{interrupt.id}|{digest}",
        kind=asked.kind,
        title=asked.title,
        verbs=(*asked.verbs, Verb.CLOSE),
        agent=thread.graph,
        description=asked.description,
        actions=asked.actions,
        options=asked.options,
        answer_schema=asked.answer_schema,
        many=asked.many,
        created_at=_created_at(thread),
        refusals=asked.refusals,
        warnings={**asked.warnings, Verb.CLOSE.value: _ENDS},
        locator={
            **_locator(thread, state, asked.shape),
            "interrupt_id": interrupt.id,
            "words": list(asked.words),
            "siblings": [other for other in siblings if other != interrupt.id],
        },
        raw=msgspec.to_builtins(interrupt),
    )
    if thread.status == "error" and state is not None and task is not None and task.failure:
        item = _after_failure(item, task, state)
    return item if thread.assistant else _without_assistant(item)


def _after_failure(item: Item, task: Task, state: State) -> Item:
    """A question whose last answer made its step fail.

    An answer that only misfits its schema is not kept. Any other failing one may be: every later answer
    then fails the same way until the question is asked anew. That is another thing to judge, with a key
    of its own.
    """
    told = f"The step {task.name or '?'} failed on its last answer: {task.failure}"
    description = f"{told}\n\n{item.description}" if item.description else told
    if not_kept(item.locator["shape"], item.answer_schema, task.failure):
        return msgspec.structs.replace(item, description=description)
    return msgspec.structs.replace(
        item,
        key=f"{item.key}|failed",
        kind=ItemKind.EXTERNAL,
        title=shapes.one_line(f"Stuck: {item.title}"),
        description=description,
        verbs=(Verb.CLOSE,),
        actions=tuple(msgspec.structs.replace(action, verbs=(Verb.CLOSE,)) for action in item.actions),
        refusals={verb.value: _KEPT for verb in Verb if verb is not Verb.CLOSE},
        warnings={Verb.CLOSE.value: _ENDS},
        repair=_asking_anew(state),
    )


def _asking_anew(state: State) -> str:
    """What the repair of a question does."""
    again = "Asks this question anew, without the answer that failed."
    beside = sum(len(task.interrupts) for task in state.tasks) - 1
    if beside:
        again += f" So {'is the other open one' if beside == 1 else f'are the {beside} other open ones'}."
    finished = sum(task.result is not None for task in state.tasks)
    if finished:
        again += (
            f" {finished} finished {'step' if finished == 1 else 'steps'} beside it will be asked and run "
            "again: what they did may happen twice."
        )
    return again


def _without_assistant(item: Item) -> Item:
    """A question nobody can be named to answer: a thread that does not say which graph runs in it."""
    reason = "The thread does not say which assistant runs in it, so no run can be started to answer."
    return msgspec.structs.replace(
        item,
        kind=ItemKind.EXTERNAL,
        verbs=(),
        actions=tuple(msgspec.structs.replace(action, verbs=()) for action in item.actions),
        refusals={verb.value: reason for verb in Verb},
        warnings={},
        repair=None,
    )


def _breakpoint(endpoint: str, thread: Thread, state: State) -> Item:
    """A graph that was told to stop before a step, or whose state was edited by hand."""
    steps = ", ".join(dict.fromkeys(state.next))
    stopped = (
        "Its state was changed by hand."
        if state.source == "update"
        else "It asks nothing: it was told to stop here, or its run was cancelled."
    )
    item = Item(
        endpoint=endpoint,
        key=f"{thread.thread_id}|breakpoint|{state.checkpoint_id}",
        kind=ItemKind.APPROVAL,
        title=shapes.one_line(f"Go on with {steps}?"),
        verbs=(Verb.APPROVE, Verb.CLOSE),
        agent=thread.graph,
        description=f"{thread.graph or 'The graph'} stands before {steps}. {stopped}",
        actions=(Action(name=steps),),
        created_at=_created_at(thread),
        refusals={
            verb.value: "A breakpoint takes no words: let it go on, or close it."
            for verb in Verb
            if verb not in (Verb.APPROVE, Verb.CLOSE)
        },
        warnings={Verb.CLOSE.value: _ENDS},
        locator=_locator(thread, state, "breakpoint"),
        raw=_raw(thread, state, None),
    )
    return item if thread.assistant else _without_assistant(item)


def _failure(endpoint: str, thread: Thread, state: State, error: Any) -> Item:
    """A thread that ended in an error and asks nothing."""
    told = state.failures or error_words(error)
    steps = ", ".join(dict.fromkeys(state.next))
    verbs = (Verb.CLOSE,) if steps and thread.graph else ()
    repair = None
    if steps and thread.assistant:
        repair = f"Runs {steps} again from where it stopped: what it did before it failed may happen twice."
    return Item(
        endpoint=endpoint,
        key=f"{thread.thread_id}|error|{state.checkpoint_id}",
        kind=ItemKind.EXTERNAL,
        title=shapes.one_line(f"Failed: {told}"),
        verbs=verbs,
        agent=thread.graph,
        description=told,
        created_at=_created_at(thread),
        refusals={
            verb.value: "The run failed; there is no question to answer."
            for verb in Verb
            if verb not in verbs
        },
        warnings={verb.value: _ENDS for verb in verbs},
        repair=repair,
        locator=_locator(thread, state, "error"),
        raw=_raw(thread, state, error),
    )


def error_words(error: Any) -> str:
    """A thread's last error as text."""
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        kind = error.get("error")
        return f"{kind}: {error['message']}" if isinstance(kind, str) else str(error["message"])
    return error if isinstance(error, str) and error else "the server does not say why"


def _created_at(thread: Thread) -> datetime | None:
    """When the thread came to ask; None where the server's clock cannot be right."""
    return None if is_future(thread, datetime.now(UTC)) else moment(thread.stamp)


def _locator(thread: Thread, state: State | None, shape: str) -> dict[str, Any]:
    return {
        "thread_id": thread.thread_id,
        "assistant_id": thread.assistant,
        "shape": shape,
        "checkpoint_id": state.checkpoint_id if state else "",
        "seen_at": thread.stamp or "",
    }


def _raw(thread: Thread, state: State, error: Any) -> dict[str, Any]:
    tasks = [{"name": task.name, "error": task.failure or None} for task in state.tasks]
    return {"thread_id": thread.thread_id, "next": list(state.next), "tasks": tasks, "error": error}
