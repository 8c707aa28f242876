"""The answers an item offers to choose from by number: the agent's own, or those its answer's schema leaves."""

from __future__ import annotations

from typing import Any

from triage.model.item import Item, Option
from triage.tui.field_schema import facts_of, resolved
from triage.tui.fields import choice_text

__all__ = ["offered"]


def offered(item: Item) -> tuple[tuple[Option, ...], bool]:
    """The answers in their order, the first has number 1, and whether several of them may be chosen."""
    if item.options or not item.answer_schema:
        return item.options, item.many
    schema = resolved(item.answer_schema, item.answer_schema)
    if schema.get("type") == "array":
        return _options_of(schema.get("items"), schema), True
    return _options_of(schema, schema), False


def _options_of(schema: Any, root: Any) -> tuple[Option, ...]:
    facts = facts_of(schema, root)
    if facts.type == "boolean":
        return Option("yes", True), Option("no", False)
    return tuple(Option(choice_text(choice), choice) for choice in facts.choices)
