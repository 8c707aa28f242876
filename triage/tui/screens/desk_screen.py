"""The console's one screen: endpoints on top, the list, the item, deliveries and keys at the bottom.

It takes keys, shows what the desk tells, and knows nothing that the desk could know.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from triage.desk.desk import Change, Desk
from triage.desk.session import Session, session_of
from triage.model.decision import DeliveryState
from triage.model.item import Context
from triage.store.log import Record
from triage.store.queue import Entry
from triage.tui import words
from triage.tui.actions import Keymap, Situation, bindings
from triage.tui.actions.action import Scope
from triage.tui.actions.hints import key_hints
from triage.tui.deciding import Deciding
from triage.tui.doing import doings
from triage.tui.editing import edit_text
from triage.tui.guard import Guard, Subject
from triage.tui.guide import Guide
from triage.tui.guiding import Guiding
from triage.tui.keys_in_order import edit_in_order
from triage.tui.notifying import Notifying
from triage.tui.picking import Picking
from triage.tui.queue_view import QueueView
from triage.tui.screens.many import Many
from triage.tui.showing import Showing
from triage.tui.stopwatch import Stopwatch
from triage.tui.widgets.delivery_strip import DeliveryStrip
from triage.tui.widgets.endpoint_bar import EndpointBar
from triage.tui.widgets.filter_line import FilterLine
from triage.tui.widgets.guide_line import GuideLine
from triage.tui.widgets.item_pane import ItemPane
from triage.tui.widgets.key_footer import KeyFooter
from triage.tui.widgets.line_widget import Look
from triage.tui.widgets.queue_list import QueueList

if TYPE_CHECKING:
    from triage.tui.app import TriageApp

__all__ = ["DeskScreen"]

BURST_S = 0.1
"""A key sooner than this after the last one belongs to a burst."""
PANE_AFTER_S = 0.04
"""How long after the last key of a burst the pane follows."""
PRECEDENTS_AFTER_S = 0.12
"""How long the operator rests on an item before its like is looked for."""
TICK_S = 0.25
QUIET_TICK_S = 1.0
"""The same where no countdown runs."""
AGES_S = 10.0
ALL_S = 60.0
_WIDE_COLUMNS = 100


class DeskScreen(Screen[None]):
    """See the module. ``look`` is shared by all widgets that draw their own lines; ``guided``: with hints."""

    AUTO_FOCUS = None
    DEFAULT_CSS = """
    DeskScreen { layout: vertical; background: $background; overflow: hidden; }
    DeskScreen > EndpointBar, DeskScreen > KeyFooter { height: 1; }
    DeskScreen > DeliveryStrip { height: 4; }
    DeskScreen.-low > DeliveryStrip { height: 3; }
    DeskScreen > #desk { height: 1fr; layout: horizontal; overflow: hidden; }
    DeskScreen QueueList { width: 42%; height: 100%; }
    DeskScreen ItemPane { width: 1fr; height: 100%; }
    DeskScreen.-narrow > #desk { layout: vertical; }
    DeskScreen.-narrow QueueList { width: 100%; height: 38%; }
    DeskScreen.-narrow ItemPane { width: 100%; height: 1fr; }
    DeskScreen.-no-preview ItemPane { display: none; }
    DeskScreen.-no-preview QueueList { width: 100%; height: 100%; }
    DeskScreen.-narrow.-reading QueueList { display: none; }
    DeskScreen.-reading ItemPane { display: block; }
    """
    BINDINGS: ClassVar = []

    def __init__(self, desk: Desk, keymap: Keymap, look: Look, *, guided: bool = False) -> None:
        super().__init__()
        self.desk = desk
        self.keymap = keymap
        self.look = look
        self.guard = Guard(time.monotonic)
        self.view = QueueView(desk)
        self.picking = Picking(self)
        self.deciding = Deciding(self)
        self.many = Many(self)
        self.showing = Showing(desk, self.view, self.many.choosing, keymap.label)
        self.doings = doings(self)
        self.notifying = Notifying(self)
        self.guiding = Guiding(self, Guide(keymap.label) if guided else None)
        self.stopwatch = Stopwatch()
        self._keys = {"desk": _by_key(keymap, "desk"), "pane": _by_key(keymap, "pane")}
        self._trouble_said = ""
        self._pressed_at = 0.0
        self._pane_timer: Timer | None = None
        self._seek_timer: Timer | None = None
        self._ages_at = self._all_at = 0.0
        self._times: tuple[str, ...] | None = None
        """What the rows on screen said of the time when it was looked at last."""

    @property
    def console(self) -> TriageApp:
        """The app this screen belongs to."""
        return cast("TriageApp", self.app)

    # -- made -----------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The five parts, and the line a filter is written in."""
        yield EndpointBar(self.look, id="bar")
        with Container(id="desk"):
            yield QueueList(self.look, self.showing.row, id="list")
            yield ItemPane(self.look, self.guard.paint, id="pane")
        yield FilterLine(self.view, id="filter")
        yield DeliveryStrip(self.look, id="strip")
        yield GuideLine(self.look, id="guide")
        yield KeyFooter(self.look, id="footer")

    def on_mount(self) -> None:
        """Show what is known, and follow what changes."""
        self.list = self.query_one(QueueList)
        self.list.selected = self.many.choosing.selection
        self.pane = self.query_one(ItemPane)
        self.bar = self.query_one(EndpointBar)
        self.strip = self.query_one(DeliveryStrip)
        self.footer = self.query_one(KeyFooter)
        self.strip.undo_key = self.keymap.label("undo")
        self._arrange(self.app.size.width, self.app.size.height)
        self.set_focus(self.list)
        self.refill()
        self.desk.subscribe(self.on_change)
        self._tick()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side where there is room, else one below the other."""
        self._arrange(event.size.width, event.size.height)
        self.call_after_refresh(self.show_all)

    def _arrange(self, width: int, height: int) -> None:
        self.set_class(width < _WIDE_COLUMNS, "-narrow")
        self.set_class(height < 30, "-low")

    # -- keys -----------------------------------------------------------------------------------

    def take_key(self, event: events.Key) -> bool:
        """Every key, before anything is done with it; True when it was one of ours."""
        self.guard.key(event.key)
        if isinstance(self.focused, Input):
            return edit_in_order(self, event)
        scope = self._keys["pane"] if self.focused is self.pane else {}
        found = scope.get(event.key) or self._keys["desk"].get(event.key)
        if found is None:
            return False
        self.strip.say("")
        self.action_act(found)
        return True

    def action_act(self, id: str) -> None:
        """Do the action ``id``, or say why not."""
        situation = self.situation()
        one = self.keymap.action(id)
        why = one.when(situation)
        if why is None and one.decides:
            why = self._why_not_decide(situation)
        if why is not None:
            self.say(f"{one.label.capitalize()}: {why}.", "warning")
            return
        self._do(id, situation.entry)

    def _why_not_decide(self, situation: Situation) -> str | None:
        """Why the last key may not decide now, or not open the table that many are decided by."""
        if self.many.deciding_many.busy:
            return "the decisions before are still being logged"
        if situation.many:
            return self.guard.stray()
        entry, painted = situation.entry, self.guard.painted
        why = self.guard.refuse(self.list.cursor_id)
        if why is None and entry and painted and entry.item.revision != painted.revision:
            return "what it asks has changed; look again"
        return why

    def _do(self, id: str, entry: Entry | None) -> None:
        decides = self.keymap.action(id).decides
        if decides and self.many.begin(id):
            return
        if id.startswith("option_") and entry is not None:
            self.deciding.option(entry, int(id.removeprefix("option_")))
        elif decides and entry is not None:
            decide: Callable[[Entry], None] = getattr(self.deciding, id)
            decide(entry)
        else:
            self.doings[id](entry)
            self.guiding.did(id)

    # -- what the operator has before them ------------------------------------------------------

    def situation(self) -> Situation:
        """What the operator has before them now."""
        entry = self.entry
        return Situation(
            entry=entry,
            record=self.view.record(entry.item.id) if entry else None,
            read_only=self.desk.read_only,
            paused=self.desk.paused(),
            selection=len(self.many.choosing.selection),
            folded=self.view.waiting_in(self.list.cursor_id),
            focus="pane" if self.focused is self.pane else "list",
            can_undo=any(self._is_mine(record) for record in self.desk.log.open_records()),
            can_repeat=self.deciding.last is not None,
            operator=self.desk.operator,
            endpoints=len(self.desk.config.endpoints),
            subject=self.view.subject(entry) if entry and self.keymap.own else None,
            searching=self.pane.searching,
            guided=self.guiding.on,
        )

    @property
    def entry(self) -> Entry | None:
        """The entry under the cursor."""
        return self.view.entry(self.list.cursor_id) if self.list.cursor_id else None

    def _is_mine(self, record: Record) -> bool:
        return record.state is DeliveryState.HELD and record.decision.operator == self.desk.operator

    # -- moving ---------------------------------------------------------------------------------

    def move_to(self, index: int) -> None:
        """Put the cursor on a row; the pane follows at once, or after a burst of keys."""
        now = time.monotonic()
        quiet = now - self._pressed_at > BURST_S
        self._pressed_at = now
        before = self.list.index
        self.many.swept(before, index)
        if not self.list.move_to(index, later=not quiet):
            return
        if self.many.choosing.ranging:
            self.list.repaint_rows(*sorted((before, self.list.index)))
        self._moved()
        if quiet:
            self._show_item()
        elif self._pane_timer is None:
            self._pane_timer = self.set_timer(PANE_AFTER_S, self._follow)

    def _follow(self) -> None:
        """Show the item under the cursor, once no key has come for a moment."""
        left_s = self._pressed_at + PANE_AFTER_S - time.monotonic()
        self._pane_timer = None
        if left_s > 0:
            self._pane_timer = self.set_timer(left_s, self._follow)
        else:
            self._show_item()

    def _moved(self) -> None:
        if self.view.keep(self.list.cursor_id):
            self.place_rows()

    def go_to(self, item_id: str) -> None:
        """Put the cursor on an item."""
        if item_id in self.view.rows:
            self.move_to(self.view.rows.place(item_id))

    def session(self) -> Session:
        """What was decided in this console so far, and what is left."""
        took_s = self.stopwatch.took_s
        records = [record for key in took_s if (record := self.desk.log.record(key)) is not None]
        return session_of(records, took_s, self.desk.summary())

    def jump_to(self, item_id: str) -> None:
        """Put the cursor on an item, with its page beside it at once."""
        self._pressed_at = 0.0
        self.go_to(item_id)

    def decided(self, record: Record) -> None:
        """A decision was logged: say so, and go to the next that waits."""
        decision = record.decision
        self.stopwatch.decided(decision.id, self.guard.painted_for_s)
        verbs = ", ".join(dict.fromkeys(words.VERB_DONE[verdict.verb] for verdict in decision.verdicts))
        title = record.item.title if record.item else decision.item_id
        self.say(f"{verbs.capitalize()}: {title}", "good")
        self.view.update([decision.item_id])
        following = self.view.next_waiting(decision.item_id)
        if following is not None and decision.item_id == self.list.cursor_id:
            self.jump_to(following)
        self.show_all()

    def mark_changed(self, item_id: str) -> None:
        """The operator marked an item: show it, and go on where it left the list."""
        following = self.view.next_waiting(item_id)
        self.view.update([item_id])
        if not self.view.wants_decision(item_id) and following and item_id == self.list.cursor_id:
            self.jump_to(following)
        self.show_all()

    # -- showing --------------------------------------------------------------------------------

    def say(self, text: str, style: str = "text") -> None:
        """Tell the operator something, until the next key."""
        self.strip.say(text, style)

    def refill(self) -> None:
        """The rows are others through a deed of the operator: nothing is kept that does not belong there."""
        self.picking.stop()
        self.many.choosing.end_range()
        self.view.keep(None)
        self.view.refill()
        self.settle_rows()

    def settle_rows(self) -> None:
        """The rows are others through a deed of the operator: the cursor's is in sight, no room is above."""
        self.place_rows()
        self.list.settle()
        self._moved()
        self.show_all()

    def on_change(self, change: Change) -> None:
        """The desk tells what is not as it was."""
        cursor = self.list.cursor_id
        shown = self.pane.subject
        ids = set(change.items)
        records = (self.desk.log.record(decision_id) for decision_id in change.decisions)
        ids.update(record.decision.item_id for record in records if record is not None)
        if change.decisions:
            self.showing.precedents.clear()
        changed = self.view.update(ids)
        if self.many.fell_out(ids) or changed:
            self.place_rows()
        else:
            self.list.repaint_items(ids)
        if cursor != self.list.cursor_id:
            self._moved()
            self.guard.disturb()
        elif cursor in ids and self._disturbs(shown):
            self.guard.disturb()
        self.notifying.came(change.items)
        self.guiding.decided(change.decisions)
        self._show_item()
        self._show_bars()

    def _disturbs(self, shown: Subject | None) -> bool:
        """Whether the item under the cursor asks something else than the pane shows, or is gone."""
        entry = self.entry
        if entry is None or shown is None or entry.item.id != shown.item_id:
            return True
        return entry.item.revision != shown.revision or entry.gone is not None

    def place_rows(self) -> None:
        """The rows are others: the one under the cursor stays where it is."""
        self.list.unseen = self.many.choosing.unseen()
        self.list.set_rows(self.view.rows, self.view.place)

    def _show_item(self) -> None:
        """The pane and the keys, for the item under the cursor."""
        entry = self.entry
        empty = self.showing.empty()
        self.list.tell(self.showing.note(self.look.marks.dot), empty)
        self.pane.empty = () if entry else empty
        foot = self.showing.foot(self.list.cursor_id or "")
        self.pane.show(self.showing.page(entry) if entry else None, foot)
        self.show_keys()
        if entry is not None and Subject(entry.item.id, entry.item.revision) not in self.showing.precedents:
            self._seek_later()

    def show_keys(self) -> None:
        """The keys that are of use now."""
        situation = self.situation()
        hints = key_hints(self.keymap, situation)
        last = [(self.keymap.label(id), id) for id in ("help", "quit")]
        self.footer.show(hints, last)
        self.guiding.show(situation)

    def _show_bars(self) -> None:
        desk = self.desk
        self.bar.show(self.showing.bar())
        if desk.trouble != self._trouble_said:
            self._trouble_said = desk.trouble
            self.say(desk.trouble or "Everything can be saved again", "error" if desk.trouble else "good")
        self.strip.show([self.showing.delivery(record) for record in desk.deliveries()])
        self.console.show_title(sum(self.view.counts.values()))

    def show_all(self) -> None:
        """Everything, where it looks other than before."""
        self.list.repaint()
        self._show_item()
        self._show_bars()

    def repaint_all(self) -> None:
        """Paint everything anew, as in other colours."""
        for widget in (self.list, self.pane, self.bar, self.strip, self.query_one(GuideLine), self.footer):
            widget.repaint(whole=True)

    def _tick(self) -> None:
        """Time passes: countdowns each second, ages every ten; nothing is painted that looks the same."""
        self.notifying.tick()
        held = self.desk.log.open_records()
        self.set_timer(TICK_S if held else QUIET_TICK_S, self._tick)
        now = time.monotonic()
        if held:
            self.list.repaint_items({record.decision.item_id for record in held})
            self._show_bars()
            self._show_item()
        if now - self._ages_at >= AGES_S:
            self._ages_at = now
            self.picking.tick()
            self._show_times(now)

    def _show_times(self, now: float) -> None:
        """Ages and deadlines, where the rows say others than before; what the pane says of older things less often."""
        times, self._times = self.showing.times(self.list.shown), self._times
        if times is None or times != self._times or now - self._all_at >= ALL_S:
            self._all_at = now
            self.show_all()
        else:
            self._show_bars()
        self._times = times

    # -- precedents -----------------------------------------------------------------------------

    def _seek_later(self) -> None:
        """Look for precedents once the operator rests on an item; a key must not wait for it."""
        if self._seek_timer is not None:
            self._seek_timer.stop()
        self._seek_timer = self.set_timer(PRECEDENTS_AFTER_S, self._seek_precedents)

    def _seek_precedents(self) -> None:
        self._seek_timer = None
        if self.entry is not None and self.showing.seek_precedents(self.entry):
            self._show_item()

    # -- context --------------------------------------------------------------------------------

    def take_context(self, subject: Subject, context: Context | str) -> None:
        """What led to an item was read, or why it could not be."""
        self.showing.contexts[subject] = context
        self._show_item()

    def has_context(self, subject: Subject) -> bool:
        """Whether it was asked for already."""
        return isinstance(self.showing.contexts.get(subject), Context)

    # -- messages of widgets --------------------------------------------------------------------

    def on_queue_list_clicked(self, message: QueueList.Clicked) -> None:
        """A row was clicked."""
        self.set_focus(self.list)
        self.jump_to(message.item_id)

    def on_filter_line_written(self, message: FilterLine.Written) -> None:
        """The filter as it is typed."""
        fault = self.view.set_filter(message.text)
        self.say(f"Filter: {fault.text}" if fault else "", "warning")
        if fault is None:
            self.picking.search()

    def on_filter_line_left(self) -> None:
        """The filter is as it shall be."""
        self.query_one(FilterLine).hide()
        self.set_focus(self.list)
        self.show_all()

    def edit_text(self, text: str, suffix: str, done: Callable[[str], None]) -> None:
        """Have a text edited in the operator's editor."""
        edit_text(self, text, suffix, done)

    def on_descendant_focus(self) -> None:
        """Other keys are of use elsewhere."""
        self.show_keys()


def _by_key(keymap: Keymap, scope: Scope) -> dict[str, str]:
    """Key as Textual names it → the action it does."""
    made = bindings(keymap, scope)
    return {binding.key: str(binding.id) for binding in Binding.make_bindings(made)}
