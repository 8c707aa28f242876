"""What can be configured, field by field. The docstrings are the reference in docs/configuration.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from triage.config.judging import NoticeRule, OwnCommand, RiskRule
from triage.model.endpoint import EndpointConfig
from triage.model.reason import ReadyReason

__all__ = ["MAX_HOLD_S", "Config", "HighRisk"]

MAX_HOLD_S = 600.0
"""A decision held longer than this would be asked again after a crash instead of being sent."""


HighRisk = Literal["reason", "confirm", "none"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one operator. A missing file is a ``Config()``."""

    operator: str | None = None
    """Your name in the log; default: ``$TRIAGE_OPERATOR``, else your login name."""
    hold_s: Annotated[float, Meta(ge=0, le=MAX_HOLD_S)] = 5.0
    """Seconds a decision made in the console can be undone before it is sent."""
    theme: str = "dark"
    """Name of the theme: a built-in one, or a file in ``themes/`` beside the configuration."""
    keymap: str = "default"
    """Preset of the keys: ``default`` or ``mail``."""
    keys: dict[str, str] = {}
    """Action → the keys it gets instead of the preset's, separated by commas."""
    reasons: dict[str, list[str | ReadyReason]] = {}
    """Verb → reasons offered under 1–9 when it is chosen: texts, or tables with ``text`` and ``message``."""
    filters: dict[str, str] = {}
    """Name → a filter that ``filter:NAME`` and the console's palette call up."""
    risk: list[RiskRule] = []
    """``[[risk]]``, a table for each rule, in order; where none matches, the agent's own hint counts."""
    high_risk: HighRisk = "confirm"
    """What deciding an item of high risk asks for. ``reason``: every verdict needs one, in the console and in
    commands. ``confirm``: the console has you type a word before anything but a rejection. ``none``: nothing.
    """
    notify: list[NoticeRule] = []
    """``[[notify]]``, a table for each rule: how you are told of new items while you look elsewhere."""
    commands: dict[str, OwnCommand] = {}
    """``[commands.NAME]``, a table for each key of your own."""
    escalate_command: str | None = None
    """Command that is run when an item is escalated; it gets ``item``, ``to``, ``note`` and ``operator`` as JSON
    on its standard input."""
    payload_days: Annotated[int, Meta(ge=1)] | None = None
    """Days after which what was shown and sent is erased from the log; default: never."""
    editor: str | None = None
    """Command of your editor; default: ``$VISUAL``, ``$EDITOR``, else ``vi``."""
    pipe: str | None = None
    """Command that ``|`` offers first; it gets the item as JSON on its standard input."""
    endpoints: dict[str, EndpointConfig] = {}
    """``[endpoints.NAME]``, a table for each agent server."""
    source: Path = Path()
    """The file this was read from. Not a setting."""
