"""The verbs: ``triage approve``, ``edit``, ``reject``, ``respond``, ``ignore``, ``close`` and ``decide``."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from triage.cli.parameters import ITEM, JSON, whole_text

if TYPE_CHECKING:
    from triage.cli.delivering import Terms

__all__ = ["approve", "close", "decide", "edit", "ignore", "reject", "respond"]

Command = TypeVar("Command", bound=Callable[..., Any])

MAX_HOLD_S = 600.0
TIMEOUT_S = 120.0

_REASON = click.option("--reason", metavar="TEXT", callback=whole_text, help="Why; the agent is told.")
_SCOPE = click.option(
    "--scope", metavar="NAME", callback=whole_text, help="One of the wider grants the item offers."
)


def _delivered(command: Command) -> Command:
    """Give a verb its item and the options that all verbs have."""
    for option in reversed(
        (
            ITEM,
            click.option("--revision", metavar="D", help="Decide only if this is still what is asked."),
            click.option(
                "--hold",
                "hold_s",
                metavar="S",
                type=click.FloatRange(0, MAX_HOLD_S),
                default=0.0,
                show_default=True,
                help="Seconds in which it can be taken back (ctrl+c, or `triage undo`).",
            ),
            click.option(
                "--timeout",
                "timeout_s",
                metavar="S",
                type=click.FloatRange(0),
                default=TIMEOUT_S,
                show_default=True,
                help="Seconds to wait for the outcome; 0: however long it takes.",
            ),
            click.option(
                "--no-wait",
                is_flag=True,
                help="Return once it is logged; only while a console is open that delivers it.",
            ),
            JSON,
        )
    ):
        command = option(command)
    return command


def _terms(revision: str | None, hold_s: float, timeout_s: float, no_wait: bool, as_json: bool) -> Terms:
    from triage.cli.delivering import Terms

    return Terms(revision, hold_s, timeout_s, no_wait, as_json)


def _verb(name: str, item: str, terms: dict[str, Any], **more: Any) -> None:
    """Give the same verdict on everything the item proposes."""
    from triage.cli.delivering import carry_out
    from triage.cli.verdicts import alike
    from triage.model.decision import Verdict
    from triage.model.item import Verb

    carry_out(item, _terms(**terms), alike(Verdict(Verb(name), **more)))


@click.command()
@_delivered
@_REASON
@_SCOPE
def approve(item: str, reason: str | None, scope: str | None, **terms: Any) -> None:
    """Approve what an item proposes, all of its actions.

    Without --revision the item is decided as it was last listed; if it changed since, nothing is sent.
    """
    _verb("approve", item, terms, reason=reason, scope=scope)


@click.command()
@_delivered
@click.option("--args", "text", metavar="JSON", help="The whole arguments, edited.")
@click.option(
    "--args-file", "file", type=click.File("rb"), metavar="F", help="The same from a file; - reads input."
)
@_REASON
def edit(item: str, text: str | None, file: IO[bytes] | None, reason: str | None, **terms: Any) -> None:
    """Approve an item with other arguments.

    Without --args or --args-file they are opened in your editor. An item with several actions takes a
    JSON array of their arguments, in order; those left as they are get approved.
    """
    from triage.cli.delivering import carry_out
    from triage.cli.verdicts import edited, edited_by_hand, read_json

    if text is not None and file is not None:
        raise click.UsageError("give --args or --args-file, not both")
    if text is None and file is None:
        carry_out(item, _terms(**terms), edited_by_hand(reason))
    value = read_json(text or "", "--args") if file is None else read_json(file.read(), "--args-file")
    carry_out(item, _terms(**terms), edited(value, reason))


@click.command()
@_delivered
@click.option("--reason", metavar="TEXT", required=True, callback=whole_text, help="Why; the agent is told.")
@_SCOPE
def reject(item: str, reason: str, scope: str | None, **terms: Any) -> None:
    """Reject what an item proposes, all of its actions."""
    _verb("reject", item, terms, reason=reason, scope=scope)


@click.command()
@_delivered
@click.argument("answer", metavar="[TEXT]", required=False, callback=whole_text)
@click.option("--json-answer", metavar="JSON", help="The answer as JSON, for instance the fields of a form.")
@_REASON
def respond(item: str, answer: str | None, json_answer: str | None, reason: str | None, **terms: Any) -> None:
    """Answer a question.

    TEXT is one of its options by label or value, or the answer in words; --json-answer gives any JSON.
    """
    from triage.cli.delivering import carry_out
    from triage.cli.verdicts import answered, read_json

    if (answer is None) == (json_answer is None):
        raise click.UsageError("give the answer as TEXT or with --json-answer, one of the two")
    if answer is not None:
        carry_out(item, _terms(**terms), answered(answer, reason))
    _verb("respond", item, terms, reason=reason, answer=read_json(json_answer or "", "--json-answer"))


@click.command()
@_delivered
@_REASON
def ignore(item: str, reason: str | None, **terms: Any) -> None:
    """Let the agent go on without an answer."""
    _verb("ignore", item, terms, reason=reason)


@click.command()
@_delivered
@_REASON
@click.option(
    "--note",
    metavar="TEXT",
    callback=whole_text,
    help="End a delivery whose outcome stays unknown; TEXT says what you found out.",
)
def close(item: str, reason: str | None, note: str | None, **terms: Any) -> None:
    """End a request at its endpoint.

    With --note it ends, by hand, a delivery whose outcome stays unknown; nothing is sent then.
    """
    if note is not None:
        from triage.cli.stopping import close_by_hand

        close_by_hand(item, note, as_json=terms["as_json"])
    _verb("close", item, terms, reason=reason)


@click.command()
@_delivered
@click.option("--verdicts", metavar="JSON", required=True, help="One verdict an action, in their order.")
def decide(item: str, verdicts: str, **terms: Any) -> None:
    """Give each action of an item its own verdict.

    \b
    For instance --verdicts '[{"verb": "approve"}, {"verb": "reject", "reason": "too much"}]'
    A verdict has: verb, reason, arguments (with edit), answer (with respond), scope.
    """
    from triage.cli.delivering import carry_out
    from triage.cli.verdicts import listed

    carry_out(item, _terms(**terms), listed(verdicts))
