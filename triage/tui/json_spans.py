"""JSON text coloured line by line, as it is typed: it need not be whole, nor valid."""

from __future__ import annotations

import re

from triage.model import safe_text
from triage.tui.lines import Line

__all__ = ["json_line", "json_tokens"]

_TOKEN = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))
    |(?P<string>"(?:[^"\\]|\\.)*"?)
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<literal>\b(?:true|false|null)\b)
    |(?P<muted>[{}\[\],:]+)""",
    re.VERBOSE,
)
_MAX_LINE = 4_000
"""Characters of one line that are coloured."""


def json_tokens(text: str) -> list[tuple[int, int, str]]:
    """``(start, end, style)`` of what has a colour in one line of JSON."""
    return [
        (match.start(), match.end(), match.lastgroup or "text") for match in _TOKEN.finditer(text[:_MAX_LINE])
    ]


def json_line(text: str) -> Line:
    """One line of JSON as coloured spans, made harmless."""
    text = safe_text.line(text)
    spans, done = [], 0
    for start, end, style in json_tokens(text):
        if start > done:
            spans.append((text[done:start], "text"))
        spans.append((text[start:end], style))
        done = end
    return (*spans, (text[done:], "text")) if done < len(text) else tuple(spans)
