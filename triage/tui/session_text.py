"""The session in words: for a screen while it goes on, and for the terminal once the console is closed."""

from __future__ import annotations

from collections.abc import Iterator

from triage.desk.session import Session
from triage.model import safe_text
from triage.model.item import Verb
from triage.tui import words
from triage.tui.lines import Line, safe, wrapped

__all__ = ["session_lines", "session_words"]

_MOST_NAMED = 5
_MOST_OF_TITLE = 70


def session_words(session: Session) -> list[str]:
    """Sentences, each a line; safe for any terminal."""
    return [*_decided(session), _left(session), *_open(session)]


def session_lines(session: Session, width: int) -> list[Line]:
    """The same on a screen, what wants a look standing out."""
    troubled = set(_open(session))
    lines: list[Line] = []
    for said in session_words(session):
        lines += wrapped(safe(said, "warning" if said in troubled else "text"), width)
    return lines


def _decided(session: Session) -> Iterator[str]:
    if not session.decided:
        yield "Nothing decided" + (f", {session.taken_back:,} taken back." if session.taken_back else ".")
        return
    parts = [f"{count:,} {_verbs(verbs)}" for verbs, count in session.by_verb.items()]
    back = f"; {session.taken_back:,} taken back" if session.taken_back else ""
    yield f"{session.decided:,} decided: {', '.join(parts)}{back}."
    if session.median_s is not None:
        yield f"Median time on one: {_seconds(session.median_s)}."


def _verbs(named: str) -> str:
    """``approved``; ``approved and rejected`` for an item whose actions got different verbs."""
    return " and ".join(words.VERB_DONE[Verb(verb)] for verb in named.split(", "))


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _left(session: Session) -> str:
    if not session.left:
        return "Nothing is left."
    oldest = f", the oldest for {words.age_words(session.oldest_s)}" if session.oldest_s is not None else ""
    waits = "waits" if session.left == 1 else "wait"
    return f"{session.left:,} still {waits}{oldest}."


def _open(session: Session) -> Iterator[str]:
    """What did not end well, or has not ended."""
    for said, titles in (
        ("not sent yet", session.held),
        ("refused or out of date", session.refused),
        ("of unknown outcome", session.unknown),
    ):
        if titles:
            named = "; ".join(safe_text.line(title, _MOST_OF_TITLE) for title in titles[:_MOST_NAMED])
            more = f"; and {len(titles) - _MOST_NAMED:,} more" if len(titles) > _MOST_NAMED else ""
            yield f"{len(titles):,} {said}: {named}{more}."
