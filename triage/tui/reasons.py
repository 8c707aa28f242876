"""The reasons offered by number when a verb asks for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from triage.config import Config
from triage.model.item import Verb

__all__ = ["BUILT_IN", "reasons_of"]

BUILT_IN: Mapping[Verb, Sequence[str]] = MappingProxyType(
    {
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


def reasons_of(config: Config, verb: Verb) -> Sequence[str]:
    """At most nine reasons for a verb."""
    return (config.reasons.get(verb.value) or BUILT_IN.get(verb, ()))[:9]
