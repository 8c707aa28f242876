"""Markdown as lines to read: its signs stay, so that nothing an agent wrote is lost, and get out of the way.

Headings, lists, quotes, code blocks and emphasis are styled; a link shows its target in full with the host
standing out, and says so when its label names another host. Nothing else is interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.model import safe_text
from triage.model.addresses import host_of
from triage.tui.lines import Line, Span, indented, marked, width_of, wrapped
from triage.tui.syntax import code_rows, language_named

__all__ = ["markdown_lines"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([\w+#.-]{0,30})")
_HEADING = re.compile(r" {0,3}(#{1,6} +)")
_LEAD = re.compile(r"(\s{0,40}(?:[-*+]|\d{1,4}[.)]|>(?: ?>){0,8}) +(?:\[[ xX]\] )?)")
_PLAIN_ROW = re.compile(r"\s{0,3}(?:\||[-=*_]{3,}\s*$)| {4}|\t")
_INLINE = re.compile(
    r"(?P<code>`{1,3}[^`\n]{1,400}`{1,3})"
    r"|(?P<strong>\*\*[^*\s][^*\n]{0,400}\*\*|(?<!\w)__[^_\s][^_\n]{0,400}__(?!\w))"
    r"|(?P<emphasis>(?<![\w*])\*[^*\s](?:[^*\n]{0,200}[^*\s])?\*(?![\w*])"
    r"|(?<!\w)_[^_\s](?:[^_\n]{0,200}[^_\s])?_(?!\w))"
    r"|(?P<link>!?\[(?P<label>[^\]\n]{0,300})\]\((?P<target>[^()\s]{1,2000})(?P<rest>[^()\n]{0,300})\))"
    r"|(?P<bare>https?://[^\s<>()\"']{1,2000})"
)
_SIGNS = {"code": "`", "strong": "*_", "emphasis": "*_"}
_STYLES = {"code": "string", "strong": "strong", "emphasis": "emphasis"}
_NAMED_HOST = re.compile(r"(?<![\w.-])(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w.-])")


def markdown_lines(text: str, width: int, style: str = "text") -> list[Line]:
    """``text`` as lines of at most ``width`` cells."""
    rows = text.replace("\r\n", "\n").split("\n")
    lines: list[Line] = []
    at = 0
    while at < len(rows):
        fence = _FENCE.match(rows[at])
        end = _end_of_code(rows, at, fence[1]) if fence else at
        if fence and end > at:
            lines += _code_block(rows[at : end + 1], fence[2], width)
        else:
            lines += _row(rows[at], width, style)
        at = end + 1
    return lines


def _end_of_code(rows: list[str], start: int, fence: str) -> int:
    """The row that ends a code block; the last one where none does."""
    for at in range(start + 1, len(rows)):
        row = rows[at].strip()
        if row.startswith(fence) and not row.strip(fence[0]):
            return at
    return len(rows) - 1


def _code_block(rows: list[str], name: str, width: int) -> Iterator[Line]:
    first, *code = rows
    last = [code.pop()] if code and _FENCE.match(code[-1]) else []
    yield from _row(first, width, "muted")
    for line in code_rows("\n".join(code), language_named(name) or "") if code else ():
        yield from indented(wrapped(line, width - 2), "  ")
    for row in last:
        yield from _row(row, width, "muted")


def _row(row: str, width: int, style: str) -> list[Line]:
    """One row, its later lines below the beginning of its words."""
    row = safe_text.block(row)
    if heading := _HEADING.match(row):
        rest = tuple(_inline(row[heading.end() :], "heading"))
        return wrapped(((row[: heading.end()], "muted"), *rest), width)
    lead = _LEAD.match(row)
    if lead is None and (_FENCE.match(row) or _PLAIN_ROW.match(row)):
        return wrapped(tuple(marked(row, "muted" if _FENCE.match(row) else style)), width)
    if lead is None or width_of(((lead[1], ""),)) > width // 2:
        return wrapped(tuple(_inline(row, style)), width)
    inset = width_of(((lead[1], ""),))
    begun, *later = wrapped(tuple(_inline(row[lead.end() :], style)), width - inset)
    return [((lead[1], "accent"), *begun), *indented(later, " " * inset)]


def _inline(text: str, style: str) -> Iterator[Span]:
    """A row's words, with what is emphasised, code or a link in its style."""
    done = 0
    for match in _INLINE.finditer(text):
        if match.start() > done:
            yield from marked(text[done : match.start()], style)
        kind = next(name for name in ("code", "strong", "emphasis", "link", "bare") if match[name])
        if kind == "link":
            yield from _link(match)
        elif kind == "bare":
            yield from _target(match["bare"])
        else:
            yield from _between_signs(match[0], _SIGNS[kind], _STYLES[kind])
        done = match.end()
    if done < len(text):
        yield from marked(text[done:], style)


def _between_signs(text: str, signs: str, style: str) -> Iterator[Span]:
    inner = text.strip(signs)
    start = text.index(inner) if inner else len(text)
    yield text[:start], "muted"
    yield from marked(inner, style)
    yield text[start + len(inner) :], "muted"


def _link(match: re.Match[str]) -> Iterator[Span]:
    label, target = match["label"], match["target"]
    yield ("![" if match[0].startswith("!") else "["), "muted"
    yield from marked(label, "link")
    yield "](", "muted"
    yield from _target(target)
    yield from marked(match["rest"], "muted")
    yield ")", "muted"
    if why := _deceives(label, target):
        yield f" ! {why}", "error"


def _target(url: str) -> Iterator[Span]:
    """A URL with its host standing out."""
    host = host_of(url)
    start = url.lower().find(host) if host else -1
    if start < 0:
        yield from marked(url, "muted" if not host else "strong")
        return
    yield from marked(url[:start], "muted")
    yield from marked(url[start : start + len(host)], "strong")
    yield from marked(url[start + len(host) :], "muted")


def _deceives(label: str, target: str) -> str:
    """What is wrong with a link whose label names another host than it leads to."""
    named, host = _NAMED_HOST.search(label), host_of(target)
    if named is None or not host:
        return ""
    shown = named[0].lower().removeprefix("www.")
    real = host.removeprefix("www.")
    return "" if real == shown or real.endswith("." + shown) else f"leads to {host}"
