"""The reasons offered by number when a verb asks for one, and what an agent is sent for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from triage.config import Config
from triage.model.item import Item, Verb
from triage.model.reason import ReadyReason

__all__ = ["BUILT_IN", "Reason", "reasons_of"]

BUILT_IN: Mapping[Verb, Sequence[str]] = MappingProxyType(
    {
        Verb.APPROVE: ("As agreed", "Checked"),
        Verb.REJECT: (
            "Not now; ask again tomorrow",
            "The amount or scope is too large",
            "The recipient or target is wrong",
            "More information is needed first",
            "A person does this one",
            "This breaks a rule of ours",
        ),
        Verb.IGNORE: ("Not relevant", "Settled elsewhere"),
        Verb.CLOSE: ("No longer needed", "Settled elsewhere"),
    }
)
"""What is offered where the configuration names none."""


class Reason(msgspec.Struct, frozen=True):
    """What an operator answers when asked for a reason; neither: none was given."""

    text: str | None = None
    ready: ReadyReason | None = None
    """The one that was picked by its number."""

    def sent(self, item: Item, operator: str) -> str | None:
        """What the agent of ``item`` is sent."""
        return self.ready.sent(_values(item, operator)) if self.ready else self.text


def reasons_of(config: Config, verb: Verb, endpoint: str) -> Sequence[ReadyReason]:
    """At most nine reasons for a verb: of the endpoint, else of all, else built in."""
    own = config.endpoints.get(endpoint)
    found = (own.reasons.get(verb) if own else None) or config.reasons.get(verb) or BUILT_IN.get(verb, ())
    return [ReadyReason(one) if isinstance(one, str) else one for one in found][:9]


def _values(item: Item, operator: str) -> dict[str, str]:
    actions = ", ".join(dict.fromkeys(action.name for action in item.actions))
    return {"title": item.title, "agent": item.agent, "action": actions, "operator": operator}
