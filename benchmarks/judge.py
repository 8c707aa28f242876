"""A scripted operator: reads the painted screen, judges what it says, presses the keys the documentation teaches.

It knows the house's rules and the keys, and nothing of the items but what is on the screen. What the screen
does not show, or shows wrongly, makes it judge wrongly.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from benchmarks.judged import BREAKS_RULE, HOST, LIMIT, SOUND_REASON, TELL_MORE, TOO_LARGE, WRONG_TARGET
from benchmarks.terminal import Terminal

__all__ = ["Judge", "Pressed"]

KEYS = {
    "space": " ",
    "enter": "\r",
    "esc": "\x1b",
    "tab": "\t",
    "down": "\x1b[B",
    "backspace": "\x7f",
    "F2": "\x1bOQ",
}
LOOK_S = 0.3
"""How long the operator looks at what was painted before a key; no time of the program's."""
QUIET_S = 0.05
"""The answer to a key is over when nothing came for so long."""
_MOST_TRIES = 3

_GROUP = re.compile(r"▸  (\d+) × (\S+)")
_WAITS = re.compile(r"^▌ [◆?] ")
_FIELD = re.compile(r"  (\w+) {2,}(\S.*)")
_REFUSED = re.compile(r"look first|look again|not on screen yet|held down|in a burst", re.IGNORECASE)


class Pressed(NamedTuple):
    """One key and what the program made of it."""

    key: str
    ms: float
    """From the key until the last byte of its answer."""


class Judgment(msgspec.Struct, frozen=True):
    """What is right to do with the item on the screen."""

    verb: str
    reason: str = ""
    option: str = ""
    """Label of the option that is the answer."""
    words: str = ""
    """An answer in words."""
    fields: Mapping[str, Any] = {}
    """Fields that are to have another value."""


class Judge:
    """Clears a queue. ``pressed`` are the keys so far."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._last: Judgment | None = None
        self.pressed: list[Pressed] = []

    # -- keys -----------------------------------------------------------------------------------

    def press(self, key: str, then: Callable[[str], bool], what: str) -> None:
        """Look, press a key, and wait for ``then`` to be true of the screen; again where it came too early."""
        for _ in range(_MOST_TRIES):
            time.sleep(LOOK_S)
            if self._answered(key, then, what):
                return
        raise AssertionError(f"{key} did not lead to {what}; on screen:\n{self._terminal.text}")

    def _answered(self, key: str, then: Callable[[str], bool], what: str) -> bool:
        """Press it; False when the console said that the key came too early."""
        at = time.perf_counter()
        ms = self._terminal.answer(KEYS.get(key, key), quiet_s=QUIET_S).last_ms
        if not then(self._terminal.text) and not _REFUSED.search(self._terminal.text):
            last = self._terminal.wait_until(
                lambda shown: then(_lines(shown)) or bool(_REFUSED.search(shown)), what, limit_s=20
            )
            ms = (last - at) * 1000
        self.pressed.append(Pressed(key, ms))
        return then(self._terminal.text)

    def change(self, key: str, read: Callable[[str], object], what: str) -> None:
        """Press a key, and wait until what ``read`` reads off the screen is another."""
        before = read(self._terminal.text)
        self.press(key, lambda shown: read(shown) != before, what)

    def write(self, text: str) -> None:
        """Type, key by key."""
        for character in text:
            self.change(character, str, f"{character} written")

    # -- many -----------------------------------------------------------------------------------

    def approve_alike(self) -> None:
        """Fold, go to the largest group, leave out what stands out, approve the rest, show all again."""
        self.press("z", lambda shown: bool(_GROUP.search(shown)), "alike items folded")
        largest = max(_GROUP.findall(self._terminal.text), key=lambda group: int(group[0]))
        group = "▸  {} × {}".format(*largest)
        while group not in _cursor_row(self._terminal.text):
            shown = self._terminal.text
            above = shown.index(_cursor_row(shown)) < shown.index(group)
            self.change("j" if above else "k", _cursor_row, "another row")
        self.press("a", lambda shown: _count_to_confirm(shown) == int(largest[0]), "the table")
        self._leave_out()
        self.press("y", lambda shown: re.search(r"\d+ approved", shown) is not None, "many approved")
        if "stay behind" in self._terminal.text or "stays behind" in self._terminal.text:
            self.press("esc", lambda shown: "selected" not in _header(shown), "nothing selected")
        self.press("z", lambda shown: "grouped" not in _header(shown), "every item in its own row")

    def _leave_out(self) -> None:
        """Go through what the table marks, and leave it out, each to be looked at by itself."""
        seen: set[str] = set()
        while "next with !" in self._terminal.text:
            self.change("n", _place_in_table, "the next that stands out")
            row = _cursor_row(self._terminal.text)
            if "✓" not in row or row in seen:
                return
            seen.add(row)
            self.change("space", _count_to_confirm, "one left out")

    # -- one by one -----------------------------------------------------------------------------

    def judge_next(self) -> None:
        """Go to an item that waits, judge it, and wait for the next one."""
        while not _WAITS.search(_cursor_row(self._terminal.text)):
            self.change("j", _cursor_row, "the next row")
        pane = _pane(self._terminal.text)
        judgment = judged(pane)
        gone_on = lambda shown: _pane(shown)[:1] != pane[:1] or _waiting(shown) == 0  # noqa: E731
        if judgment.verb == "approve":
            self.press("a", gone_on, "the next item")
        elif judgment.verb == "reject":
            self._reject(judgment, gone_on)
        elif judgment.option:
            number = _number_of(judgment.option, "\n".join(pane))
            self.press(str(number), gone_on, "the next item")
        elif judgment.words:
            self.press("r", lambda shown: "Answer: " in shown and "enter send" in shown, "a line to write in")
            self.write(judgment.words)
            self.press("enter", gone_on, "the next item")
        else:
            self._edit(judgment, gone_on)
        self._last = judgment

    def _reject(self, judgment: Judgment, gone_on: Callable[[str], bool]) -> None:
        if judgment == self._last:
            self.press(".", gone_on, "the next item")
            return
        self.press(
            "x", lambda shown: "Reject: " in shown and judgment.reason in shown, "reasons to choose from"
        )
        number = _number_of(judgment.reason, self._terminal.text)
        self.press(str(number), gone_on, "the next item")

    def _edit(self, judgment: Judgment, gone_on: Callable[[str], bool]) -> None:
        self.press("e", lambda shown: "Edit " in shown and "F2 look and send" in shown, "the form")
        names = _form_names(self._terminal.text)
        at = 0
        for name, value in judgment.fields.items():
            for _ in range(names.index(name) - at):
                self.change("tab", str, "the next field")
            at = names.index(name)
            self._change(name, str(value))
        wanted = ["What you changed", *(str(value) for value in judgment.fields.values())]
        self.press("F2", lambda shown: all(each in shown for each in wanted), "the difference")
        self.press("enter", gone_on, "the next item")

    def _change(self, name: str, wanted: str) -> None:
        """A choice: down until it stands there; else take away what is wrong at the end, and write the rest."""

        def standing(shown: str) -> str:
            return _field(shown, name)

        if re.search(rf"{name}\W.*[▲▼↑↓]", self._terminal.text):
            while standing(self._terminal.text) != wanted:
                self.change("down", standing, "another choice")
            return
        while not wanted.startswith(standing(self._terminal.text)):
            self.change("backspace", standing, "one character less")
        self.write(wanted.removeprefix(standing(self._terminal.text)))

    @property
    def done(self) -> bool:
        """Nothing waits any more."""
        return _waiting(self._terminal.text) == 0


# -- judging -----------------------------------------------------------------------------------------


def judged(pane: list[str]) -> Judgment:
    """What the house's rules say of the item that the pane shows."""
    text = " ".join(line.strip() for line in pane)
    fields = {found[1]: _value(found[2]) for line in pane if (found := _FIELD.fullmatch(line))}
    for action, judge in _RULES.items():
        if action in (line.strip() for line in pane):
            return judge(fields, text)
    found = re.search(r"says: ([^.]+)\.", text)
    assert found is not None, f"no rule for this:\n{text}"
    if re.search(rf"\d  {re.escape(found[1])}(\s|$)", text):
        return Judgment("respond", option=found[1])
    return Judgment("respond", words=found[1])


def _refund(fields: Mapping[str, Any], text: str) -> Judgment:
    if fields["amount"] > LIMIT:
        return Judgment("reject", TOO_LARGE)
    if not fields["customer"].endswith(f"@{HOST}"):
        return Judgment("reject", WRONG_TARGET)
    return Judgment("approve") if fields["reason"] == SOUND_REASON else Judgment("reject", TELL_MORE)


def _letter(fields: Mapping[str, Any], text: str) -> Judgment:
    wrote = re.search(r"wrote from (\S+)\.", text)
    if wrote is None or fields["to"] != [wrote[1]]:
        return Judgment("reject", WRONG_TARGET)
    return Judgment("reject", BREAKS_RULE) if "We guarantee" in text else Judgment("approve")


def _release(fields: Mapping[str, Any], text: str) -> Judgment:
    if "0 failed" not in text:
        return Judgment("reject", TELL_MORE)
    return Judgment("reject", TOO_LARGE) if fields["strategy"] == "all at once" else Judgment("approve")


def _credit(fields: Mapping[str, Any], text: str) -> Judgment:
    most = re.search(r"At most (\d+) euros", text)
    assert most is not None, text
    return Judgment("edit", fields={"amount": int(most[1])})


def _invoice(fields: Mapping[str, Any], text: str) -> Judgment:
    due = re.search(r"To be paid: ([^.]+)\.", text)
    assert due is not None, text
    return Judgment("edit", fields={"due": due[1]})


_RULES: Mapping[str, Callable[[Mapping[str, Any], str], Judgment]] = {
    "issue_refund": _refund,
    "send_mail": _letter,
    "release": _release,
    "give_credit": _credit,
    "pay_invoice": _invoice,
}


# -- reading the screen ------------------------------------------------------------------------------


def _lines(shown: str) -> str:
    return "\n".join(row.rstrip() for row in shown.split("\n"))


def _header(shown: str) -> str:
    return shown.split("\n")[1]


def _waiting(shown: str) -> int:
    """How many items wait, at all endpoints, as the bar on top says."""
    return sum(int(count) for count in re.findall(r"● \w+ (\d+)", shown.split("\n")[0]))


def _pane(shown: str) -> list[str]:
    """The item's page: what stands right of the list."""
    lines = shown.split("\n")
    edge = lines[1].find("┬")
    return [line[edge + 2 :].rstrip() for line in lines[2:] if line[edge : edge + 1] in ("│", "┃")]


def _cursor_row(shown: str) -> str:
    """The row of the list or the table that the cursor stands on."""
    return next((line for line in shown.split("\n") if "▌" in line[:4]), "").split("│ ▌")[-1]


def _place_in_table(shown: str) -> str:
    """Which row of the table the cursor stands on, as its foot says."""
    found = re.search(r"─ ([\d,]+)/[\d,]+ ─", shown)
    return found[1] if found else ""


def _count_to_confirm(shown: str) -> int:
    found = re.search(r" y approve ([\d,]+)", shown)
    return int(found[1].replace(",", "")) if found else 0


def _number_of(label: str, shown: str) -> int:
    found = re.search(rf"[ >](\d)  {re.escape(label)}(\s|$)", shown, re.MULTILINE)
    assert found is not None, f"no number stands before {label}; on screen:\n{shown}"
    return int(found[1])


def _form_names(shown: str) -> list[str]:
    return [found[1] for line in shown.split("\n") if (found := re.match(r"│ . (\w+)\*? +", line))]


def _field(shown: str, name: str) -> str:
    """What a field of the form holds."""
    found = re.search(rf"^│ . {name}\*? +(.*?)\s*(?:[▲▼↑↓]+\s*)?│$", shown, re.MULTILINE)
    assert found is not None, f"no field {name}; on screen:\n{shown}"
    return found[1]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
