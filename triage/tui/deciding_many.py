"""From a verb's key on many items to as many logged decisions: sorted out, compared, confirmed, logged one by one.

Every item is decided by itself, at the revision the table showed. What cannot be decided stays behind and
says why; the rest goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from triage.desk.desk import Desk, Refused
from triage.model.decision import DeliveryState, Verdict
from triage.model.item import Verb
from triage.store.errors import StoreError
from triage.store.log import AlreadyDecided
from triage.tui.actions import Keymap, key_label
from triage.tui.batch import (
    Batch,
    Candidate,
    Give,
    Standing,
    alike_options,
    outcome_words,
    reasons_words,
    sort_out,
)
from triage.tui.json_text import one_line
from triage.tui.lines import Line, safe
from triage.tui.reasons import Reason, reasons_of
from triage.tui.screens.bulk import Bulk, BulkDialog
from triage.tui.screens.reason import ReasonDialog
from triage.tui.words import plural

if TYPE_CHECKING:
    from textual.app import App

    from triage.store.log import Record
    from triage.store.queue import Entry
    from triage.tui.deciding import Deciding
    from triage.tui.screens.page import Maker

__all__ = ["DecidingMany", "ManyBench", "Taken"]

SLICE_S = 0.02
"""So long is logged at a stretch; then keys, polls and deliveries have their turn."""
_CONFIRMING = ("y", "enter", "Y", "f2")
"""Keys that may confirm: the first that is not the verb's own."""


class ManyBench(Protocol):
    """The screen on which many are decided."""

    @property
    def desk(self) -> Desk:
        """The desk that decides."""

    @property
    def keymap(self) -> Keymap:
        """The keys in force."""

    @property
    def deciding(self) -> Deciding:
        """What decides single items, and keeps what ``repeat`` gives again."""

    @property
    def app(self) -> App[None]:
        """The app, to open dialogs and to work in."""

    def say(self, text: str, style: str = "text") -> None:
        """Tell the operator something."""

    def standing(self, item_id: str) -> Standing | None:
        """How an item stands now; None: it is gone."""

    def page_of(self, entry: Entry) -> Maker:
        """An item's page, for reading."""

    def decided_many(self, item_ids: Sequence[str], stayed: dict[str, str]) -> None:
        """Decisions were logged; these stayed behind and why: show it and go on."""

    def took_back(self, item_ids: Sequence[str]) -> None:
        """Decisions on these were taken back: show it."""


class Taken(msgspec.Struct, frozen=True):
    """What undo took back of a batch, and what it could not."""

    items: tuple[str, ...]
    sent: tuple[Record, ...]
    fault: str = ""
    """Why no more could be taken back."""


class DecidingMany:
    """One verdict for many items, one after the other."""

    def __init__(self, bench: ManyBench) -> None:
        self._bench = bench
        self._last: tuple[str, ...] = ()
        """Ids of the last batch's decisions, in the order they were taken."""
        self._reason = ""
        self._picked: Reason | None = None
        self._stopped = ""
        self.busy = False
        """Decisions are being logged."""

    # -- what is asked on the way ---------------------------------------------------------------

    def begin(self, action_id: str, item_ids: Sequence[str]) -> None:
        """Do what a verb's key asks, on all of these."""
        if self.busy:
            self._bench.say("The decisions before are still being logged.", "warning")
            return
        self._picked = None
        if action_id.startswith("option_"):
            items = [one.entry.item for one in self._standings(item_ids)]
            self._compare(action_id, item_ids, alike_options(items, int(action_id.removeprefix("option_"))))
        elif action_id == "repeat":
            self._picked = self._bench.deciding.last_reason
            self._compare(action_id, item_ids, self._bench.deciding.again)
        elif action_id in ("reject", "close"):
            self._ask_reason(action_id, item_ids, Verb(action_id))
        else:
            verdict = Verdict(Verb(action_id))
            self._compare(action_id, item_ids, lambda _: verdict)

    def _ask_reason(self, action_id: str, item_ids: Sequence[str], verb: Verb) -> None:
        first = self._sort_out(item_ids, lambda _: Verdict(verb, reason="?"))
        if not first.taken:
            self._say_none(verb, first)
            return

        def given(reason: Reason | None) -> None:
            if reason is not None:
                operator, self._picked = self._bench.desk.operator, reason
                give = lambda item: Verdict(verb, reason=reason.sent(item, operator))  # noqa: E731
                self._compare(action_id, item_ids, give)

        def keep(text: str) -> None:
            self._reason = text

        dialog = ReasonDialog(
            verb,
            first.taken[0].item,
            reasons_of(self._bench.desk.config, verb, first.taken[0].item.endpoint),
            title=f"{verb.capitalize()} {plural(len(first.taken), 'item')}",
            draft=self._reason,
            on_draft=keep,
        )
        self._bench.app.push_screen(dialog, given)

    def _compare(self, action_id: str, item_ids: Sequence[str], give: Give) -> None:
        """Show what differs; the dialog's own key confirms."""
        batch = self._sort_out(item_ids, give)
        if not batch.taken:
            self._say_none(Verb.RESPOND if action_id.startswith("option_") else None, batch)
            return
        verdict = batch.taken[0].verdicts[0]
        keys = self._bench.keymap.of(action_id)
        confirm = next(key for key in _CONFIRMING if key not in keys)

        def answered(bulk: Bulk | None) -> None:
            if bulk is not None:
                self._decide(verdict, bulk, batch.behind)

        dialog = BulkDialog(
            batch,
            _do_words(verdict),
            verb_keys=_textual_names(keys),
            confirm=(confirm, key_label(confirm)),
            intro=_intro(verdict, batch),
            read=lambda one: self._bench.page_of(one.entry),
        )
        self._bench.app.push_screen(dialog, answered)

    def _sort_out(self, item_ids: Sequence[str], give: Give) -> Batch:
        desk = self._bench.desk
        high_risk = desk.config.high_risk
        return sort_out(
            self._standings(item_ids), give, operator=desk.operator, high_risk=high_risk, check=desk.check
        )

    def _standings(self, item_ids: Iterable[str]) -> Iterator[Standing]:
        found = (self._bench.standing(item_id) for item_id in item_ids)
        return (one for one in found if one is not None)

    def _say_none(self, verb: Verb | None, batch: Batch) -> None:
        what = f"takes {verb}" if verb else "takes it"
        why = reasons_words(one.why for one in batch.behind)
        self._bench.say(f"None of {plural(len(batch.behind), 'item')} {what}: {why}.", "warning")

    # -- logging --------------------------------------------------------------------------------

    def _decide(self, verdict: Verdict, bulk: Bulk, behind: Sequence[Candidate]) -> None:
        self.busy, self._stopped, self._reason = True, "", ""
        stayed = {one.item.id: one.why for one in behind}
        stayed |= {one.item.id: "you left it out" for one in bulk.left_out}
        self._bench.app.run_worker(self._log_all(verdict, bulk.decided, stayed), exclusive=False)

    async def _log_all(
        self, verdict: Verdict, candidates: Sequence[Candidate], stayed: dict[str, str]
    ) -> None:
        """Log one after the other; what was logged when something breaks is logged and can be undone."""
        logged: list[Record] = []
        pause_at = time.monotonic() + SLICE_S
        try:
            for number, one in enumerate(candidates):
                self._log_one(one, logged, stayed)
                if time.monotonic() >= pause_at:
                    self._bench.say(f"{number + 1:,} of {plural(len(candidates), 'decision')} logged…")
                    await asyncio.sleep(0)
                    pause_at = time.monotonic() + SLICE_S
        finally:
            self.busy = False
            self._last = tuple(record.decision.id for record in logged)
        if logged:
            self._bench.deciding.remember([verdict], self._picked)
        self._bench.decided_many([record.decision.item_id for record in logged], stayed)
        self._say_outcome(verdict.verb, len(logged), list(stayed.values()))

    def _log_one(self, one: Candidate, logged: list[Record], stayed: dict[str, str]) -> None:
        item = one.item
        if self._stopped:
            stayed[item.id] = self._stopped
            return
        try:
            logged.append(self._bench.desk.decide(item.id, item.revision, one.verdicts))
        except AlreadyDecided as first:
            stayed[item.id] = str(first)
        except Refused as why:
            stayed[item.id] = "; ".join(why.reasons)
        except StoreError as error:  # the others would not be written either
            self._stopped = stayed[item.id] = str(error)
        except ValueError as error:
            stayed[item.id] = str(error)

    def _say_outcome(self, verb: Verb, done: int, behind: list[str]) -> None:
        said = outcome_words(verb, done, behind)
        undo = self._bench.keymap.label("undo")
        if done > 1 and undo:
            said += f". {undo} takes all {done:,} back while they are held"
        self._bench.say(said, "warning" if behind else "good")

    def stop(self) -> None:
        """Log no further ones; what was logged stays."""
        self._stopped = "you stopped before it"

    # -- taking back ----------------------------------------------------------------------------

    def take_back(self) -> Taken | None:
        """Undo the last batch whole, where this operator's newest held decision is of it; None: it is not."""
        desk = self._bench.desk
        newest = next((one for one in reversed(desk.log.open_records()) if self._is_held_by_me(one)), None)
        if newest is None or newest.decision.id not in self._last or len(self._last) < 2:
            return None
        taken: list[str] = []
        sent: list[Record] = []
        fault = ""
        for decision_id in self._last:  # the oldest first: they are sent first
            try:
                taken.append(desk.undo(decision_id).decision.item_id)
            except Refused:
                record = desk.log.record(decision_id)
                if record is not None and record.state is not DeliveryState.WITHDRAWN:
                    sent.append(record)
            except StoreError as error:
                fault = str(error)
                break
        if not fault:
            self._last = ()
        self._bench.took_back(taken)
        return Taken(tuple(taken), tuple(sent), fault)

    def _is_held_by_me(self, record: Record) -> bool:
        return record.state is DeliveryState.HELD and record.decision.operator == self._bench.desk.operator


def _do_words(verdict: Verdict) -> str:
    return "answer" if verdict.verb is Verb.RESPOND else verdict.verb.value


def _intro(verdict: Verdict, batch: Batch) -> list[Line]:
    """What would be done beside the verb, and what else it would do."""
    lines: list[Line] = []
    if verdict.reason:
        reasons = {each.reason for one in batch.taken for each in one.verdicts}
        others = ((" … filled in for each", "muted"),) if len(reasons) > 1 else ()
        lines.append((("reason: ", "muted"), *safe(verdict.reason, "strong"), *others))
    if verdict.verb is Verb.RESPOND:
        lines.append((("answer: ", "muted"), *safe(one_line(verdict.answer), "strong")))
    for text, count in batch.warnings(verdict.verb).items():
        lines.append((("! ", "warning"), (f"{plural(count, 'item')}: ", "warning"), *safe(text, "warning")))
    return lines


def _textual_names(keys: Sequence[str]) -> tuple[str, ...]:
    """Keys as events name them."""
    from textual.binding import Binding

    return tuple(made.key for made in Binding.make_bindings([(",".join(keys), "", "")])) if keys else ()
