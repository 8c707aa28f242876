"""The code that speaks to agent servers: one file a kind of endpoint, imported when it is needed."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage.connectors.base import Connector

__all__ = ["kinds", "load"]

_NOT_KINDS = frozenset(
    """
    base credentials detect few_at_a_time http in_time inflating opening pools remembered replies
    """.split()
)
"""Modules of this package that serve all kinds. What serves one kind lies in that kind's own package."""


def kinds() -> list[str]:
    """Every kind there is a connector for, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_KINDS)


def load(kind: str) -> type[Connector]:
    """The connector for ``kind``. Raises KeyError when there is none."""
    if kind not in kinds():
        raise KeyError(kind)
    module = importlib.import_module(f"{__name__}.{kind}")
    found: type[Connector] = next(
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and getattr(value, "kind", None) == kind
        and value.__module__ == module.__name__
    )
    return found
