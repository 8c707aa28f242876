"""The command palette and its contents: every action by its name, with its key, and why it is of no use now."""

from __future__ import annotations

from typing import cast

from textual import events
from textual.app import ComposeResult
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.errors import NoWidget
from textual.widgets import Input

from triage.tui.actions import Action, ActionHost, keys_label

__all__ = ["ActionProvider", "Palette"]

LONGEST = 60
"""Characters of what is looked for."""


class Palette(CommandPalette):
    """Textual's, but that nothing in it blinks, and that what is looked for is no longer than a name.

    Each character begins a search anew and looks through all those before it: what a terminal sends on its own,
    thousands of characters, would hold the console up for minutes. In a window of a few columns its list has none
    for its options, and stumbles over that. A click is worked off after what was typed before it, and may then be
    one on an option, or on a place, that is gone.
    """

    DEFAULT_CSS = "Palette CommandList { min-width: 20; }"

    def compose(self) -> ComposeResult:
        """As Textual has it, with a list that may be clicked on late."""
        for widget in super().compose():
            yield _Found() if isinstance(widget, CommandList) else widget

    def on_click(self, event: events.Click) -> None:
        """Pass over a click on what is outside the window by now."""
        try:
            self.get_widget_at(event.screen_x, event.screen_y)
        except NoWidget:
            event.prevent_default()

    def on_mount(self) -> None:
        """Hold the line to that."""
        line = self.query_one(Input)
        line.cursor_blink = False
        line.max_length = LONGEST


class _Found(CommandList):
    """The actions that were found."""

    def on_click(self, event: events.Click) -> None:
        """Pass over a click on an option that is gone by now."""
        if event.style.meta.get("option", 0) >= self.option_count:
            event.prevent_default()


class ActionProvider(Provider):
    """Finds actions of the ``ActionHost`` the palette was opened over."""

    @property
    def _host(self) -> ActionHost:
        return cast(ActionHost, self.screen)

    async def discover(self) -> Hits:
        """Every action, in the registry's order, what can be done now first."""
        situation = self._host.situation()
        for one in sorted(self._host.keymap.actions, key=lambda one: one.when(situation) is not None):
            yield DiscoveryHit(self._name(one), self._run(one), help=self._help(one))

    async def search(self, query: str) -> Hits:
        """The actions whose name or help match."""
        matcher = self.matcher(query)
        for one in self._host.keymap.actions:
            name = self._name(one)
            score = max(matcher.match(name), 0.5 * matcher.match(one.help))
            if score > 0:
                yield Hit(score, matcher.highlight(name), self._run(one), text=name, help=self._help(one))

    def _name(self, one: Action) -> str:
        keys = keys_label(one, self._host.keymap)
        return f"{one.label.capitalize()}  ({keys})" if keys else one.label.capitalize()

    def _help(self, one: Action) -> str:
        why = one.when(self._host.situation())
        return f"{one.help}." if why is None else f"Not now: {why}."

    def _run(self, one: Action) -> _Run:
        return _Run(self._host, one.id)


class _Run:
    """Does one action when it is called."""

    def __init__(self, host: ActionHost, action_id: str) -> None:
        self._host = host
        self._action_id = action_id

    def __call__(self) -> None:
        self._host.action_act(self._action_id)
