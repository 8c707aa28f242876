"""What can be done with decisions on their way: undo, look again, close by hand, repair, pause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from triage.connectors.http import EndpointError
from triage.desk.desk import Refused
from triage.store.errors import StoreError
from triage.tui.screens.choice import Choice, ChoiceDialog
from triage.tui.screens.prompt import PromptDialog
from triage.tui.words import plural

if TYPE_CHECKING:
    from triage.store.log import Record
    from triage.store.queue import Entry
    from triage.tui.screens.desk_screen import DeskScreen

__all__ = ["Deliveries"]


class Deliveries:
    """The group Deliveries."""

    def __init__(self, screen: DeskScreen) -> None:
        self._screen = screen

    def undo(self, _: Entry | None) -> None:
        """Take back the newest decision that is still held; of a batch, all of it."""
        if self._undo_many():
            return
        try:
            record = self._screen.desk.undo()
        except (Refused, StoreError) as error:
            self._screen.say(f"Undo: {error}.", "error")
            return
        self._screen.view.update([record.decision.item_id])
        self._screen.refill()
        self._screen.go_to(record.decision.item_id)
        title = record.item.title if record.item else record.decision.item_id
        self._screen.say(f"Taken back: {title}", "good")

    def _undo_many(self) -> bool:
        """Take back a batch, or stop one; False where the newest decision is a single one."""
        many = self._screen.many.deciding_many
        if many.busy:
            many.stop()
            return True
        taken = many.take_back()
        if taken is None:
            return False
        said = f"Taken back: {plural(len(taken.items), 'decision')}"
        if taken.sent:
            said += f"; {plural(len(taken.sent), 'was', 'were')} sent already: {_titles(taken.sent)}"
        if taken.fault:
            said += f"; no more could be: {taken.fault}"
        self._screen.say(said, "warning" if taken.sent or taken.fault else "good")
        return True

    def look_again(self, entry: Entry | None) -> None:
        """Ask the endpoint once more what came of it."""
        record = self._screen.view.record(entry.item.id) if entry else None
        if record is None:
            return

        async def look() -> str:
            after = await self._screen.desk.look_again(record.decision.id)
            return f"It is {after.state}{': ' + after.detail if after.detail else ''}"

        self._run("Look again", look)

    def close_by_hand(self, entry: Entry | None) -> None:
        """End a delivery of unknown outcome on the operator's word."""
        record = self._screen.view.record(entry.item.id) if entry else None
        if record is None:
            return

        def noted(note: str | None) -> None:
            if note is None:
                return
            try:
                self._screen.desk.close_by_hand(record.decision.id, note)
            except (Refused, StoreError) as error:
                self._screen.say(f"Close by hand: {error}.", "error")
            else:
                self._screen.say("Closed by hand", "good")

        intro = "Nobody knows whether it took effect. What did you find out? What still waits can be decided again."
        self._screen.app.push_screen(PromptDialog("Close by hand", intro=intro), noted)

    def repair(self, entry: Entry | None) -> None:
        """Say what would be mended, then mend it."""
        if entry is None or entry.item.repair is None:
            return

        async def mend() -> str:
            return await self._screen.desk.repair(entry.item.id)

        choices = [Choice("y", "repair", True), Choice("n", "leave it", False)]
        dialog = ChoiceDialog("Repair?", choices, intro=f"It would: {entry.item.repair}", at=1)
        self._screen.app.push_screen(dialog, lambda yes: self._run("Repair", mend) if yes else None)

    def pause(self, _: Entry | None) -> None:
        """Stop all sending, one endpoint's, or go on."""
        desk = self._screen.desk
        paused = desk.paused()
        chosen = self._screen.view.endpoint
        try:
            if paused:
                desk.resume()
                self._screen.say("Sending goes on", "good")
            else:
                desk.pause(chosen)
                where = f"to {chosen}" if chosen else "to every endpoint"
                self._screen.say(f"Nothing is sent {where} until you resume", "warning")
        except (Refused, StoreError) as error:
            self._screen.say(f"Pause: {error}.", "error")

    def _run(self, label: str, work: Callable[[], Awaitable[str]]) -> None:
        """Do something that asks an endpoint, and say what came of it."""

        async def run() -> None:
            self._screen.say(f"{label}: asking the endpoint…")
            try:
                self._screen.say(await work(), "good")
            except (EndpointError, Refused, StoreError) as error:
                self._screen.say(f"{label}: {error}", "error")

        self._screen.run_worker(run(), exclusive=False)


def _titles(records: Sequence[Record]) -> str:
    """What was decided, as far as it can be said in a line."""
    named = [record.item.title if record.item else record.decision.item_id for record in records[:3]]
    return ", ".join(named) + (", …" if len(records) > len(named) else "")
