"""What is wrong with the settings of judging although each has the right type: filters, messages, hours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triage.config.faults import Fault, Lines, nearest
from triage.config.judging import quiet_hours
from triage.model.filtering import OF_DECISION, FilterError, compile
from triage.model.item import Verb
from triage.model.reason import PLACEHOLDERS, unknown_placeholders

__all__ = ["faults_of_judging", "faults_of_reasons"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")

Keys = tuple[str, ...]


def faults_of_judging(table: dict[str, Any], lines: Lines) -> Iterator[Fault]:
    """The faults of saved filters, rules of risk, notices and commands of one's own."""
    saved = {key: text for key, text in _table(table.get("filters")).items() if isinstance(text, str)}
    for name, text in saved.items():
        yield from _faults_of_filter(text, saved, ("filters", name), lines)
    for keys, rule in _rules(table, "risk"):
        yield from _faults_of_filter(rule.get("when"), saved, (*keys, "when"), lines, lasting=True)
    for keys, rule in _rules(table, "notify"):
        yield from _faults_of_filter(rule.get("when"), saved, (*keys, "when"), lines)
        yield from _faults_of_notice(rule, keys, lines)
    for name, command in _table(table.get("commands")).items():
        yield from _faults_of_command(name, _table(command), saved, lines)


def faults_of_reasons(reasons: Any, keys: Keys, lines: Lines) -> Iterator[Fault]:
    """What is wrong with a table of reasons: its verbs, empty texts, messages with unknown placeholders."""
    where = f"[{'.'.join(keys)}]"
    for verb, ready in _table(reasons).items():
        if verb not in set(Verb):
            hint = nearest(verb, Verb)
            yield Fault(
                lines.of(*keys, verb),
                f"`{verb}` in {where} is no verb" + (f"; did you mean `{hint}`?" if hint else ""),
            )
        for number, one in enumerate(ready if isinstance(ready, list) else (), 1):
            yield from _faults_of_reason(one, (*keys, verb, str(number)), lines)


def _faults_of_reason(reason: Any, keys: Keys, lines: Lines) -> Iterator[Fault]:
    text = reason.get("text") if isinstance(reason, dict) else reason
    if isinstance(text, str) and not text.strip():
        yield Fault(lines.of(*keys), f"`{'.'.join(keys)}` has no text to pick it by")
    message = reason.get("message") if isinstance(reason, dict) else None
    for piece in unknown_placeholders(message) if isinstance(message, str) else ():
        yield Fault(lines.of(*keys, "message"), f"`{'.'.join(keys)}.message`: {_placeholder_words(piece)}")


def _placeholder_words(piece: str) -> str:
    if piece in ("{", "}"):
        return f"write {piece * 2} for the sign {piece} itself"
    hint = nearest(piece.strip("{}"), PLACEHOLDERS)
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    return f"{piece} stands for nothing; " + (f"did you mean {{{hint}}}?" if hint else f"there are {known}")


def _faults_of_filter(
    text: Any, saved: Mapping[str, str], keys: Keys, lines: Lines, *, lasting: bool = False
) -> Iterator[Fault]:
    """What is wrong with a filter. ``lasting``: it may not ask how an item stands, which changes."""
    if not isinstance(text, str):
        return
    made = compile(text, saved)
    name = ".".join(keys)
    if isinstance(made, FilterError):
        message = f"`{name}` means nothing at its character {made.position + 1}: {made.text}"
        yield Fault(lines.of(*keys), message)
    elif lasting and (asked := sorted(made.fields & OF_DECISION)):
        message = f"`{name}` asks `{asked[0]}:`, how an item stands; risk is a matter of what it asks"
        yield Fault(lines.of(*keys), message)


def _faults_of_notice(rule: dict[str, Any], keys: Keys, lines: Lines) -> Iterator[Fault]:
    how = rule.get("how", ["bell"])
    wants_command = isinstance(how, list) and "command" in how
    if how == []:
        yield Fault(lines.of(*keys, "how"), f"`{'.'.join(keys)}.how` is empty, so that nothing would be told")
    if wants_command and not rule.get("command"):
        message = f'`{".".join(keys)}.how` says "command", but there is no `command` beside it'
        yield Fault(lines.of(*keys, "how"), message)
    if not wants_command and "command" in rule:
        message = f'`{".".join(keys)}.command` is never run: put "command" into `how`'
        yield Fault(lines.of(*keys, "command"), message)
    for hours in _texts(rule.get("quiet")):
        try:
            quiet_hours(hours)
        except ValueError as error:
            yield Fault(lines.of(*keys, "quiet"), f"`{'.'.join(keys)}.quiet` {error}")


def _faults_of_command(
    name: str, command: dict[str, Any], saved: Mapping[str, str], lines: Lines
) -> Iterator[Fault]:
    keys = ("commands", name)
    if not _NAME.fullmatch(name):
        message = f"`{name}` cannot name a command: use letters, digits, - and _, at most 32 of them"
        yield Fault(lines.of(*keys), message)
    if command.get("run") == "":
        yield Fault(lines.of(*keys, "run"), f"`{'.'.join(keys)}.run` names no program")
    label = command.get("label", "")
    if isinstance(label, str) and not label.isprintable():
        yield Fault(lines.of(*keys, "label"), f"`{'.'.join(keys)}.label` must be printable characters")
    yield from _faults_of_filter(command.get("when"), saved, (*keys, "when"), lines)


def _rules(table: dict[str, Any], name: str) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """The tables in an array, each with its keys."""
    rules = table.get(name)
    for number, rule in enumerate(rules if isinstance(rules, list) else (), 1):
        if isinstance(rule, dict):
            yield (name, str(number)), rule


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else ()
