"""From what a command line says to the verdicts of a decision."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from triage.cli import output
from triage.cli.exits import Exit, Stop
from triage.model.decision import Verdict
from triage.model.item import Item, Verb

if TYPE_CHECKING:
    from triage.desk.desk import Desk
    from triage.store.queue import Entry

__all__ = ["Build", "alike", "answered", "edited", "edited_by_hand", "listed", "read_json"]

Build = Callable[["Desk", "Entry"], Sequence[Verdict]]
"""Makes the verdicts on an entry; may raise Stop."""


def alike(verdict: Verdict) -> Build:
    """The same verdict on every action, or one on the whole item where only that is taken."""

    def build(desk: Desk, entry: Entry) -> Sequence[Verdict]:
        return _fitting(desk, entry.item, verdict)

    return build


def _fitting(desk: Desk, item: Item, verdict: Verdict) -> Sequence[Verdict]:
    each = [verdict] * max(1, len(item.actions))
    if len(each) > 1 and desk.check(item, each) and not desk.check(item, [verdict]):
        return [verdict]
    return each


def answered(text: str, reason: str | None) -> Build:
    """The answer ``text``: one of the item's options by its value or label, else the words themselves.

    Words that the item does not take, but would as JSON (``5``, ``true``), are sent as that.
    """

    def build(desk: Desk, entry: Entry) -> Sequence[Verdict]:
        item = entry.item
        first, *others = (
            _fitting(desk, item, Verdict(Verb.RESPOND, reason=reason, answer=answer))
            for answer in _answers(item, text)
        )
        return next((each for each in (first, *others) if not desk.check(item, each)), first)

    return build


def _answers(item: Item, text: str) -> list[Any]:
    values = [option.value for option in item.options if option.value == text]
    values += [option.value for option in item.options if option.label.casefold() == text.casefold()]
    chosen = values[:1] or [text]
    try:
        chosen.append(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    return [[answer] for answer in chosen] + chosen if item.many else chosen


def edited(value: Any, reason: str | None) -> Build:
    """The item's arguments replaced by ``value``: an array of them, one an action, where it has several."""

    def build(desk: Desk, entry: Entry) -> Sequence[Verdict]:
        return _edits(entry.item, value, reason)

    return build


def _edits(item: Item, value: Any, reason: str | None) -> Sequence[Verdict]:
    if len(item.actions) <= 1:
        return [Verdict(Verb.EDIT, reason=reason, arguments=value)]
    if not isinstance(value, list) or len(value) != len(item.actions):
        raise Stop(
            f"this item has {len(item.actions)} actions: give a JSON array of as many arguments, in their "
            "order; those left as they are get approved",
            Exit.USAGE,
        )
    verdicts = [
        Verdict(Verb.APPROVE, reason=reason)
        if _same(action.arguments, one)
        else Verdict(Verb.EDIT, reason=reason, arguments=one)
        for action, one in zip(item.actions, value, strict=True)
    ]
    if all(verdict.verb is Verb.APPROVE for verdict in verdicts):
        raise Stop("these are the arguments as they were proposed; approve instead", Exit.REFUSED)
    return verdicts


def edited_by_hand(reason: str | None) -> Build:
    """The arguments as the operator's editor left them, asked again while they are wrong."""

    def build(desk: Desk, entry: Entry) -> Sequence[Verdict]:
        item = entry.item
        if not item.actions:
            raise Stop(f"item {item.id} proposes no action, so there is nothing to edit", Exit.REFUSED)
        before = _proposed(item)
        text = entry.marks.drafts.get(Verb.EDIT, "") if len(item.actions) == 1 else ""
        while True:
            text = _in_editor(desk.config.editor, text or _editable(before))
            faults = _faults(desk, item, text, reason)
            if not faults:
                _tell_difference(before, _decoded(text))
                return _edits(item, _decoded(text), reason)
            _keep_draft(desk, item, text)
            output.say("\n".join(f"triage: {fault}" for fault in faults))
            if not (sys.stdin.isatty() and click.confirm("Edit it again?", default=True, err=True)):
                raise Stop("nothing was decided; your text is kept as the item's draft", Exit.REFUSED)

    return build


def _proposed(item: Item) -> Any:
    arguments = [action.arguments for action in item.actions]
    return arguments if len(arguments) > 1 else arguments[0]


def _editable(value: Any) -> str:
    from triage.tui.fields import editable_json

    return editable_json(value)


def _in_editor(configured: str | None, text: str) -> str:
    import subprocess

    from triage.tui.handing_on import edit_in, editor_command

    command = editor_command(configured)
    try:
        after = edit_in(command, text, ".json")
    except OSError as error:
        raise Stop(
            f"the editor {command[0]} cannot be started: {error.strerror}; name one with EDITOR, or give the "
            "arguments with --args or --args-file",
            Exit.USAGE,
        ) from error
    except subprocess.CalledProcessError as error:
        raise Stop(f"the editor ended with exit code {error.returncode}; nothing was decided") from error
    except UnicodeDecodeError as error:
        raise Stop("the editor left something that is no UTF-8 text; nothing was decided") from error
    if after.strip() == text.strip():
        raise Stop("nothing was changed, so nothing was decided")
    return after


def _faults(desk: Desk, item: Item, text: str, reason: str | None) -> list[str]:
    try:
        return desk.check(item, _edits(item, _decoded(text), reason))
    except Stop as stop:
        return [stop.message]


def _keep_draft(desk: Desk, item: Item, text: str) -> None:
    if len(item.actions) == 1:
        desk.draft(item.id, Verb.EDIT, text)


def _tell_difference(before: Any, after: Any) -> None:
    from triage.tui.changes import value_differences

    for difference in value_differences(before, after):
        output.say(f"{difference.sign} {difference.place}  {difference.value}")


def listed(text: str) -> Build:
    """The verdicts in a JSON array, one an action."""
    verdicts = [_verdict(number, each) for number, each in enumerate(_array(text), 1)]
    return lambda desk, entry: verdicts


def _array(text: str) -> list[Any]:
    value = read_json(text, "--verdicts")
    if not isinstance(value, list) or not value:
        raise Stop('--verdicts must be a JSON array such as [{"verb": "approve"}]', Exit.USAGE)
    return value


def _verdict(number: int, value: Any) -> Verdict:
    known = {field.name for field in msgspec.structs.fields(Verdict)}
    extra = set(value) - known if isinstance(value, dict) else set()
    if extra:
        raise Stop(
            f"verdict {number} has {', '.join(sorted(extra))}; known are {', '.join(sorted(known))}",
            Exit.USAGE,
        )
    try:
        return msgspec.convert(value, Verdict)
    except msgspec.ValidationError as error:
        raise Stop(f"verdict {number} cannot be read: {error}", Exit.USAGE) from error


def read_json(text: str | bytes, where: str) -> Any:
    """``text`` as JSON; ``where`` names the option it came from. Raises Stop."""
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise Stop(f"{where} is nested too deeply", Exit.USAGE) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Stop(f"{where} is no JSON: {error}", Exit.USAGE) from error


def _decoded(text: str) -> Any:
    return read_json(text, "the edited text")


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, in which 1, 1.0 and true differ."""
    return msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(
        other, order="deterministic"
    )
