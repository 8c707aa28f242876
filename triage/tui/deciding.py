"""From a verb's key to a logged decision: what is asked on the way, and what is said when it is not taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from triage.desk.desk import Desk, Refused
from triage.model.decision import Verdict
from triage.model.item import Item, Verb
from triage.store.errors import StoreError
from triage.store.log import AlreadyDecided, Record
from triage.tui.batch import every_action
from triage.tui.careful import Careful
from triage.tui.field_schema import wants_object
from triage.tui.offers import offered
from triage.tui.reasons import Reason, reasons_of
from triage.tui.screens.answer import Answer, AnswerDialog
from triage.tui.screens.choice import Choice, ChoiceDialog
from triage.tui.screens.edit import EditDialog, Edited
from triage.tui.screens.reason import ReasonDialog
from triage.tui.screens.verdicts import Verdicts, VerdictsDialog

if TYPE_CHECKING:
    from textual.app import App

    from triage.store.queue import Entry

__all__ = ["Bench", "Deciding"]


class Bench(Protocol):
    """The screen on which is decided."""

    desk: Desk

    @property
    def app(self) -> App[Any]:
        """The app, to open dialogs in."""

    def say(self, text: str, style: str = "text") -> None:
        """Tell the operator something."""

    def decided(self, record: Record) -> None:
        """A decision was logged: show it and go on."""

    def edit_text(self, text: str, suffix: str, done: Callable[[str], None]) -> None:
        """Have a text edited in the operator's editor; ``done`` gets the new one."""


class Deciding:
    """One method a verb. Each takes the entry that was on screen when the key was pressed."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._careful = Careful(bench.desk, lambda: bench.app)
        self.last: Verdict | None = None
        """The verdict that ``repeat`` gives again."""
        self.last_reason: Reason | None = None
        """The reason it was given with, where it was asked for."""

    # -- verbs ----------------------------------------------------------------------------------

    def approve(self, entry: Entry) -> None:
        """Approve every action as it stands."""
        self._warned(entry, Verb.APPROVE, lambda: self._all(entry, Verdict(Verb.APPROVE)))

    def approve_wider(self, entry: Entry) -> None:
        """Approve with one of the wider grants the endpoint offers."""
        item = entry.item
        scopes = [scope for scope in item.scopes if Verb.APPROVE in scope.verbs]
        choices = [
            Choice(str(number), scope.name, scope.name, f"allows: {scope.description}")
            for number, scope in enumerate(scopes, 1)
        ]

        def chosen(name: str | None) -> None:
            if name is not None:
                self._all(entry, Verdict(Verb.APPROVE, scope=name))

        intro = "This allows more than this once. What exactly:"
        self._bench.app.push_screen(
            ChoiceDialog("Approve, and wider", choices, intro=intro, item=item), chosen
        )

    def reject(self, entry: Entry) -> None:
        """Reject every action, with a reason."""
        self._reasoned(entry, Verb.REJECT)

    def ignore(self, entry: Entry) -> None:
        """Let the agent go on without an answer."""
        self._warned(entry, Verb.IGNORE, lambda: self._all(entry, Verdict(Verb.IGNORE)))

    def close(self, entry: Entry) -> None:
        """End the request at its endpoint, with a reason."""
        self._reasoned(entry, Verb.CLOSE)

    def respond(self, entry: Entry) -> None:
        """Answer: by a form where the answer is an object, else by option or in words."""
        item, schema = entry.item, entry.item.answer_schema

        def check(value: object) -> Sequence[str]:
            return self._bench.desk.check(item, [Verdict(Verb.RESPOND, answer=value)])

        def answered(answer: Answer | Edited | None) -> None:
            if answer is not None:
                self._decide(item, [Verdict(Verb.RESPOND, answer=answer.value)])

        draft = entry.marks.drafts.get(Verb.RESPOND, "")
        on_draft = self._drafter(item, Verb.RESPOND)
        if wants_object(schema) and not item.options:
            dialog = EditDialog(
                f"Answer: {item.title}",
                item,
                None,
                schema,
                check,
                compare=False,
                draft=draft,
                on_draft=on_draft,
            )
            self._bench.app.push_screen(dialog, answered)
            return
        self._bench.app.push_screen(
            AnswerDialog(
                item,
                check,
                draft=draft,
                on_draft=on_draft,
                on_external=lambda text, done: self._bench.edit_text(text, ".md", done),
            ),
            answered,
        )

    def option(self, entry: Entry, number: int) -> None:
        """Answer with the offered answer of that number, from 1."""
        options, many = offered(entry.item)
        if many:
            self.respond(entry)
            return
        self._decide(entry.item, [Verdict(Verb.RESPOND, answer=options[number - 1].value)])

    def edit(self, entry: Entry) -> None:
        """Change the arguments, see the difference, send."""

        def edited(verdict: Verdict) -> None:
            self._decide(entry.item, [verdict])

        self._edit(entry, 0, edited, draft=entry.marks.drafts.get(Verb.EDIT, ""))

    def edit_external(self, entry: Entry) -> None:
        """The same, beginning in the operator's own editor."""
        from triage.tui.fields import editable_json

        item = entry.item
        text = entry.marks.drafts.get(Verb.EDIT, "") or editable_json(item.actions[0].arguments)

        def came_back(new: str) -> None:
            self._bench.desk.draft(item.id, Verb.EDIT, new)
            self._edit(entry, 0, lambda verdict: self._decide(item, [verdict]), draft=new)

        self._bench.edit_text(text, ".json", came_back)

    def decide_each(self, entry: Entry) -> None:
        """Give each action its own verdict."""
        item = entry.item

        def ask(number: int, verb: Verb, take: Callable[[Verdict], None]) -> None:
            if verb is Verb.EDIT:
                self._edit(entry, number, take)
            elif verb is Verb.RESPOND:
                self._answer_one(item, take)
            else:
                self._reason(item, verb, lambda verdict, _: take(verdict), keep=False)

        def given(verdicts: Verdicts | None) -> None:
            if verdicts is not None:
                self._decide(item, verdicts.all)

        check = lambda verdicts: self._bench.desk.check(item, verdicts)  # noqa: E731
        self._bench.app.push_screen(VerdictsDialog(item, check, ask), given)

    def repeat(self, entry: Entry) -> None:
        """Give the last verdict again."""
        if self.last is not None:
            again, reason = self.again(entry.item), self.last_reason
            self._warned(entry, again.verb, lambda: self._all(entry, again, reason))

    def again(self, item: Item) -> Verdict:
        """The last verdict, as it would be given on ``item``."""
        assert self.last is not None  # noqa: S101 - the key is dead without one
        if self.last_reason is None:
            return self.last
        return msgspec.structs.replace(
            self.last, reason=self.last_reason.sent(item, self._bench.desk.operator)
        )

    # -- what is asked on the way ---------------------------------------------------------------

    def _warned(self, entry: Entry, verb: Verb, go_on: Callable[[], None]) -> None:
        """Say first what else the verb would do, where the endpoint warns of it."""
        warning = entry.item.warnings.get(verb)
        if not warning:
            go_on()
            return
        choices = [Choice("y", f"{verb.value} all the same", True), Choice("n", "leave it undecided", False)]
        dialog = ChoiceDialog(f"{verb.value.capitalize()}?", choices, intro=warning, at=1, item=entry.item)
        self._bench.app.push_screen(dialog, lambda yes: go_on() if yes else None)

    def _reasoned(self, entry: Entry, verb: Verb) -> None:
        draft = entry.marks.drafts.get(verb, "")
        self._reason(entry.item, verb, lambda *given: self._all(entry, *given), draft=draft)

    def _reason(
        self,
        item: Item,
        verb: Verb,
        take: Callable[[Verdict, Reason], None],
        *,
        draft: str = "",
        keep: bool = True,
    ) -> None:
        def given(reason: Reason | None) -> None:
            if reason is not None:
                take(Verdict(verb, reason=reason.sent(item, self._bench.desk.operator)), reason)

        dialog = ReasonDialog(
            verb,
            item,
            reasons_of(self._bench.desk.config, verb, item.endpoint),
            draft=draft,
            warning=item.warnings.get(verb, ""),
            needed=self._careful.needs_reason(item),
            on_draft=self._drafter(item, verb) if keep else None,
        )
        self._bench.app.push_screen(dialog, given)

    def _edit(self, entry: Entry, number: int, take: Callable[[Verdict], None], *, draft: str = "") -> None:
        item, action = entry.item, entry.item.actions[number]

        def check(value: object) -> Sequence[str]:
            if len(item.actions) == 1:
                return self._bench.desk.check(item, [Verdict(Verb.EDIT, arguments=value)])
            alone = msgspec.structs.replace(item, actions=(action,))
            return self._bench.desk.check(alone, [Verdict(Verb.EDIT, arguments=value)])

        def edited(answer: Edited | None) -> None:
            if answer is not None:
                take(Verdict(Verb.EDIT, arguments=answer.value))

        on_draft = self._drafter(item, Verb.EDIT) if len(item.actions) == 1 else None
        title = f"Edit {action.name}"
        self._bench.app.push_screen(
            EditDialog(title, item, action.arguments, action.schema, check, draft=draft, on_draft=on_draft),
            edited,
        )

    def _answer_one(self, item: Item, take: Callable[[Verdict], None]) -> None:
        def answered(answer: Answer | None) -> None:
            if answer is not None:
                take(Verdict(Verb.RESPOND, answer=answer.value))

        self._bench.app.push_screen(AnswerDialog(item, lambda _: ()), answered)

    def _drafter(self, item: Item, verb: Verb) -> Callable[[str], None]:
        def keep(text: str) -> None:
            try:
                self._bench.desk.draft(item.id, verb, text or None)
            except (Refused, StoreError) as error:
                self._bench.say(f"The draft is not kept: {error}", "error")

        return keep

    # -- deciding -------------------------------------------------------------------------------

    def _all(self, entry: Entry, verdict: Verdict, reason: Reason | None = None) -> None:
        """One verdict for every action of the item."""
        self._decide(entry.item, every_action(entry.item, verdict), reason)

    def _decide(self, item: Item, verdicts: Sequence[Verdict], reason: Reason | None = None) -> None:
        """Ask what its risk asks for, then log it. ``reason``: what was picked for it already."""
        self._careful.ask(item, verdicts, lambda whole, asked: self._log(item, whole, reason or asked))

    def _log(self, item: Item, verdicts: Sequence[Verdict], reason: Reason | None) -> None:
        """Log it, bound to the revision that was on screen when the verb's key was pressed."""
        desk = self._bench.desk
        try:
            record = desk.decide(item.id, item.revision, verdicts)
        except AlreadyDecided as first:
            self._bench.say(f"{first}. Yours was not taken.", "warning")
        except Refused as why:
            self._bench.say(f"Not decided: {'; '.join(why.reasons)}.", "error")
        except (StoreError, ValueError) as error:
            self._bench.say(f"Not decided: {error}", "error")
        else:
            self.remember(verdicts, reason)
            for verdict in verdicts:
                self._drafter(item, verdict.verb)("")
            self._bench.decided(record)

    def remember(self, verdicts: Sequence[Verdict], reason: Reason | None) -> None:
        """Keep what ``repeat`` gives again, and the reason it was asked for."""
        verdict = verdicts[0]
        alike = all(each == verdict for each in verdicts)
        if alike and verdict.verb not in (Verb.EDIT, Verb.RESPOND) and verdict.scope is None:
            self.last, self.last_reason = verdict, reason
