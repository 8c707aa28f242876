"""A dialog that gives each of several actions its own verdict; all go out together, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET
from textual.app import ComposeResult

from triage.model.decision import Verdict
from triage.model.item import Action, Item, Verb
from triage.tui import words
from triage.tui.json_text import json_lines
from triage.tui.lines import Line, both_ends, indented, safe, wrapped
from triage.tui.screens.dialog import Dialog, Hint
from triage.tui.screens.page import Page

__all__ = ["AskFor", "Verdicts", "VerdictsDialog"]

Take = Callable[[Verdict], None]
AskFor = Callable[[int, Verb, Take], None]
"""Asks the operator for the rest of a verdict on the action of that number, from 0."""

_KEYS = {"a": Verb.APPROVE, "x": Verb.REJECT, "e": Verb.EDIT, "r": Verb.RESPOND, "i": Verb.IGNORE}


class Verdicts(msgspec.Struct, frozen=True):
    """The answer: one verdict an action."""

    all: tuple[Verdict, ...]


class VerdictsDialog(Dialog[Verdicts]):
    """j k move, the verbs' keys decide the action under the cursor, enter sends once each has a verdict."""

    DEFAULT_CSS = "VerdictsDialog #page { height: 1fr; }"

    def __init__(self, item: Item, check: Callable[[Sequence[Verdict]], Sequence[str]], ask: AskFor) -> None:
        super().__init__(f"Decide each: {item.title}", item=item)
        self.add_class("-wide")
        self._asked = item
        self._check = check
        self._ask = ask
        self._verdicts: list[Verdict | None] = [None] * len(item.actions)
        self._at = 0
        self._starts: list[int] = []

    def body(self) -> ComposeResult:
        """The actions, one below the other."""
        yield Page(self._lines, id="page")

    def on_mount(self) -> None:
        """Begin with the first."""
        super().on_mount()
        self.set_focus(self.query_one(Page))
        self.call_after_refresh(self._show)

    def single_key(self, key: str) -> bool:
        """Move, decide one, send all."""
        if key in ("j", "down", "k", "up"):
            self._at = max(0, min(self._at + (1 if key in ("j", "down") else -1), len(self._verdicts) - 1))
        elif key in _KEYS:
            self._verdict(_KEYS[key])
        elif key == "backspace":
            self._verdicts[self._at] = None
        elif key == "enter":
            self._send()
            return True
        else:
            return False
        self._show()
        return True

    def _verdict(self, verb: Verb) -> None:
        number = self._at
        allowed = self._asked.verbs_of(number)
        if verb not in allowed:
            self.notice(f"This action takes {', '.join(allowed) or 'nothing'}, not {verb}.")
        elif verb is Verb.APPROVE or verb is Verb.IGNORE:
            self._take(number, Verdict(verb))
        else:
            self._ask(number, verb, lambda verdict: self._take(number, verdict))

    def _take(self, number: int, verdict: Verdict) -> None:
        self.notice("")
        self._verdicts[number] = verdict
        left = [at for at, one in enumerate(self._verdicts) if one is None]
        self._at = next((at for at in left if at > number), left[0] if left else number)
        self._show()

    def _send(self) -> None:
        given = [verdict for verdict in self._verdicts if verdict is not None]
        if len(given) < len(self._verdicts):
            left = len(self._verdicts) - len(given)
            self.notice(
                f"{words.plural(left, 'action')} without a verdict; nothing is sent before each has one."
            )
            return
        faults = self._check(given)
        if faults:
            self.notice("\n".join(faults[:5]))
        elif self.may_decide():
            self.finish(Verdicts(tuple(given)))

    def _show(self) -> None:
        page = self.query_one(Page)
        page.show()
        page.lines_for(page.size.width)
        page.point(self._starts[self._at])
        verbs = self._asked.verbs_of(self._at)
        keys: list[Hint] = [(key, verb.value) for key, verb in _KEYS.items() if verb in verbs]
        done = sum(verdict is not None for verdict in self._verdicts)
        self.hint(*keys, ("j k", "move"), ("enter", f"send ({done}/{len(self._verdicts)})"), ("esc", "back"))

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        self._starts = []
        for number, action in enumerate(self._asked.actions):
            self._starts.append(len(lines))
            lines += _action_lines(number, action, self._verdicts[number], width, cursor=number == self._at)
        return lines


def _action_lines(
    number: int, action: Action, verdict: Verdict | None, width: int, *, cursor: bool
) -> list[Line]:
    left: Line = (
        (f"{'>' if cursor else ' '}{number + 1}  ", "focus" if cursor else "muted"),
        *safe(action.name, "accent", width // 2),
    )
    said: Line = (("no verdict yet", "muted"),)
    if verdict is not None:
        said = ((words.VERB_DONE[verdict.verb], "strong"),)
        said += ((": ", "muted"), *safe(verdict.reason, "text", width // 3)) if verdict.reason else ()
    lines: list[Line] = [both_ends(left, (*said, (" ", "text")), width)]
    if action.description:
        lines += indented(wrapped(safe(action.description, "muted"), width - 4), "    ")
    edited = verdict is not None and verdict.arguments is not UNSET
    arguments = verdict.arguments if verdict is not None and edited else action.arguments
    if arguments not in (None, {}):
        lines += indented(json_lines(arguments, width - 4), "    ")
    return [*lines, ()]
