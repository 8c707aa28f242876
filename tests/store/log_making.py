"""Items and decisions for tests of the log, and the way a decision goes through it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from triage.model.decision import Decision, DeliveryState, Receipt, Verdict, new_decision_id
from triage.model.item import Action, Item, ItemKind, Verb
from triage.store.log import Log, Record, log_directory

__all__ = ["CONFIRMED", "HELD", "S", "deliver", "log_files", "make_decision", "make_item", "segment_lines"]

S = DeliveryState
HELD, CONFIRMED = S.HELD, S.CONFIRMED


def make_item(key: str = "refund", endpoint: str = "shop", title: str = "") -> Item:
    """An item that waits for approval."""
    return Item(
        endpoint=endpoint,
        key=key,
        kind=ItemKind.APPROVAL,
        title=title or f"Pay {key} back",
        verbs=(Verb.APPROVE, Verb.REJECT),
        actions=(Action("refund", {"order": key, "cents": 1250}),),
        raw={"sent": "by the agent"},
    )


def make_decision(
    item: Item, *, operator: str = "ada", verb: Verb = Verb.APPROVE, id: str = "", at: datetime | None = None
) -> Decision:
    """A decision on ``item``."""
    return Decision(
        id=id or new_decision_id(),
        item_id=item.id,
        endpoint=item.endpoint,
        revision=item.revision,
        verdicts=(Verdict(verb, reason="as asked"),),
        operator=operator,
        at=at or datetime.now(UTC),
        hold_s=5.0,
    )


WAY = ((S.HELD, S.SENDING), (S.SENDING, S.SENT), (S.SENT, S.CONFIRMED))
"""From decided to proven."""


def deliver(log: Log, key: str, *, endpoint: str = "shop", operator: str = "ada") -> Record:
    """Decide an item and carry the decision to its end."""
    item = make_item(key, endpoint)
    record = log.decide(make_decision(item, operator=operator), item)
    for expect, to in WAY:
        receipt = Receipt(f"run-{key}") if to is S.SENT else None
        record = log.advance(record.decision.id, to, expect=expect, receipt=receipt)
    return record


def log_files(data: Path) -> dict[str, bytes]:
    """The log's files by name."""
    return {path.name: path.read_bytes() for path in sorted(log_directory(data).iterdir())}


def segment_lines(data: Path) -> Iterator[tuple[Path, int, bytes]]:
    """Each line of each segment, with its number."""
    for path in sorted(log_directory(data).glob("????????.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
            yield path, number, line
