"""What an agent's text is: a patch, code and in which language, Markdown, or plain words.

Told by the name it stands under, by the file it belongs to, and by its shape, in this order of trust. A
guess only chooses how it is drawn: every character is shown whatever it is taken for.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from triage.tui.syntax import language_named, language_of_path

__all__ = ["PATH_KEYS", "Content", "Kind", "path_beside", "recognise"]


class Kind(StrEnum):
    """How a text is drawn."""

    PLAIN = "plain"
    PATCH = "patch"
    CODE = "code"
    MARKDOWN = "Markdown"


class Content(NamedTuple):
    """What a text is."""

    kind: Kind
    language: str = ""
    """Of code: its name as people write it; empty: not known."""


PLAIN = Content(Kind.PLAIN)
MARKDOWN = Content(Kind.MARKDOWN)
PATCH = Content(Kind.PATCH)
PATH_KEYS = ("path", "file", "file_path", "filepath", "filename", "file_name", "target_file", "notebook_path")
"""Keys that name the file a text beside them belongs to, in lower case."""

_HEAD = 4_000
"""Characters of a text that are looked at."""
_ROWS = 80
_ROW = 300
_PATCH_KEYS = frozenset({"diff", "patch"})
_PROSE_KEYS = frozenset(
    "body message text description comment answer note notes summary title subject reply letter reason prompt "
    "instructions content".split()
)
_CODE_KEYS = frozenset("code source program snippet script function cell statement".split())
_FILE_TEXT_KEYS = frozenset("content contents text code source string str data".split())
_LANGUAGE_KEYS: Mapping[str, str] = MappingProxyType(
    {"query": "SQL", "command": "shell", "cmd": "shell", "commandline": "shell", "migration": "SQL"}
)
_WORD = re.compile(r"[a-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@")
_SQL = re.compile(
    r"(?:SELECT\s[\s\S]{1,2000}?\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\S{1,100}\s+SET\s|DELETE\s+FROM\s|"
    r"(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+|UNIQUE\s+|TEMP\w{0,6}\s+|MATERIALIZED\s+)?"
    r"(?:TABLE|INDEX|VIEW|DATABASE|SCHEMA|FUNCTION|TRIGGER|TYPE|ROLE|USER|SEQUENCE|EXTENSION)\b|"
    r"WITH\s+(?:RECURSIVE\s+)?\w{1,100}\s+AS\s*\(|TRUNCATE\s+(?:TABLE\s+)?\w|BEGIN\s*;|GRANT\s\w|"
    r"SET\s+(?:LOCAL\s+)?\w{1,60}\s*(?:=|TO\s))"
)
_SQL_ANY_CASE = re.compile(_SQL.pattern, re.IGNORECASE)
_SHEBANG = re.compile(r"#!\s?\S{0,60}?/(?:env\s+)?([a-z]+)[0-9.]*(?:\s|$)")
_SHELL_SIGNS = re.compile(r"[\s|&;<>$`]")
_ROW_SHAPES = (
    ("Dockerfile", re.compile(r"(?:FROM \S+|RUN |COPY |ENTRYPOINT |CMD \[|WORKDIR )")),
    (
        "python",
        re.compile(
            r"\s*(?:(?:async )?def \w+\(|class \w+[(:]|import \w|from \S+ import |elif .*:$|@\w+$|if __name__)"
        ),
    ),
    ("Go", re.compile(r"(?:package \w+$|func [\w(]|import \(|\s+\w+ := )")),
    ("Rust", re.compile(r"\s*(?:(?:pub )?(?:fn|struct|enum|impl|trait|mod) \w|use [\w:]+::|let mut )")),
    (
        "JavaScript",
        re.compile(
            r"\s*(?:(?:const|let|var) [\w{\[].* = |(?:async )?function\b|import .* from ['\"]|export )"
        ),
    ),
    ("C", re.compile(r"(?:#include [<\"]|\s*(?:public|private|protected) .*[({;]$|using \w+;|namespace )")),
    ("shell", re.compile(r"(?:\$ \S|sudo |export \w+=|(?:apt|pip|npm|git|docker|kubectl|curl|cd|echo) \S)")),
)
_MARKUP = re.compile(r"\s*<(?:!doctype html|html|\?xml|div|p|table|body|svg)\b", re.IGNORECASE)
_YAML_ROW = re.compile(r"\s*(?:- )?[\w.-]+:(?:\s|$)")
_HEADING = re.compile(r"#{1,6} \S")
_LIST_ROW = re.compile(r"\s{0,8}(?:[-*+]|\d{1,3}[.)]) \S")
_LINK = re.compile(r"\[[^\]\n]{1,300}\]\([^)\s]{1,500}\)")
_STRONG = re.compile(r"\*\*[^*\n\s][^*\n]{0,300}\*\*")


def recognise(text: str, key: str = "", path: str = "") -> Content:
    """What ``text`` is.

    Args:
        key: the name it stands under; empty: running text of an agent's.
        path: the file it belongs to, where one is named beside it.
    """
    if len(text) < 3:
        return PLAIN
    head = text[:_HEAD]
    rows = [row[:_ROW] for row in head.split("\n", _ROWS)[:_ROWS]]
    names = _names(key)
    if _is_patch(rows) or (_PATCH_KEYS.intersection(names) and any(row[:1] in "+-@" for row in rows if row)):
        return PATCH
    if (named := _by_name(names, head, rows)) is not None:
        return named
    if path and (not names or _FILE_TEXT_KEYS.intersection(names)):
        return _of_file(path, text)
    if not _PROSE_KEYS.intersection(names) and (language := _language_of_shape(head, rows)) is not None:
        return Content(Kind.CODE, language)
    return MARKDOWN if _is_markdown(head, rows) else PLAIN


def path_beside(value: Mapping[str, Any]) -> str:
    """The file that an object's texts belong to, where it names one."""
    for key, one in value.items():
        if isinstance(one, str) and str(key).lower() in PATH_KEYS and "." in one:
            return one
    return ""


def _names(key: str) -> tuple[str, ...]:
    """The words of a key: ``newString``, ``new_string`` → new, string."""
    return tuple(_WORD.findall(_HUMP.sub(" ", key[:100]).lower()))


def _by_name(names: tuple[str, ...], head: str, rows: list[str]) -> Content | None:
    """What the key alone tells, where the text does not speak against it."""
    last = names[-1] if names else ""
    if last in ("markdown", "md", "readme"):
        return MARKDOWN
    language = _LANGUAGE_KEYS.get(last) or language_named(last)
    if language == "SQL":
        return Content(Kind.CODE, "SQL") if _is_sql(head, any_case=True) or last != "query" else None
    if language == "shell":
        return Content(Kind.CODE, "shell") if _SHELL_SIGNS.search(head) else None
    if language is not None and (len(rows) > 1 or _SHELL_SIGNS.search(head)):
        return Content(Kind.CODE, language)
    if last in _CODE_KEYS and _SHELL_SIGNS.search(head):
        return Content(Kind.CODE, _language_of_shape(head, rows) or _by_word(names) or "")
    return None


def _by_word(names: tuple[str, ...]) -> str | None:
    """The language a key's earlier words name: ``python_code``."""
    return next((language for name in names if (language := language_named(name))), None)


def _of_file(path: str, text: str) -> Content:
    """What the text of a file is, by the file's name."""
    if path.lower().endswith((".md", ".markdown")):
        return MARKDOWN
    if path.lower().endswith((".diff", ".patch")):
        return PATCH
    language = language_of_path(path)
    return Content(Kind.CODE, language) if language else Content(Kind.CODE if "\n" in text else Kind.PLAIN)


def _language_of_shape(head: str, rows: list[str]) -> str | None:
    """The language a text is written in, by its looks; None: it does not look like code."""
    if found := _SHEBANG.match(head):
        return language_named(found[1]) or ""
    if _is_sql(head, any_case=False):
        return "SQL"
    if _MARKUP.match(head):
        return "HTML"
    if len(rows) < 2:
        return None
    if head.lstrip()[:1] in ("{", "[") and re.search(r'"\s{0,8}:|^\s*\[\s', head):
        return "JSON"
    for language, shape in _ROW_SHAPES:
        if sum(shape.match(row) is not None for row in rows) >= (2 if len(rows) > 3 else 1):
            return language
    full = [row for row in rows if row.strip() and not row.lstrip().startswith("#")]
    if len(full) > 2 and sum(_YAML_ROW.match(row) is not None for row in full) > 0.8 * len(full):
        return "YAML"
    return None


def _is_sql(head: str, *, any_case: bool) -> bool:
    """Whether it begins with a statement, perhaps after comments; in running text only one in capitals."""
    rows = head.split("\n")
    while len(rows) > 1 and (not rows[0].strip() or rows[0].lstrip().startswith("--")):
        rows.pop(0)
    start = "\n".join(rows).lstrip()
    return (_SQL_ANY_CASE if any_case else _SQL).match(start) is not None


def _is_patch(rows: list[str]) -> bool:
    if any(_HUNK.match(row) for row in rows):
        return True
    pairs = itertools.pairwise(rows)
    return any(one.startswith("--- ") and two.startswith("+++ ") for one, two in pairs)


def _is_markdown(head: str, rows: list[str]) -> bool:
    if "](" in head and _LINK.search(head):
        return True
    if len(rows) < 2:
        return False
    if any(row.startswith("```") for row in rows) or ("**" in head and _STRONG.search(head)):
        return True
    headings = sum(_HEADING.match(row) is not None for row in rows)
    return headings > 0 or sum(_LIST_ROW.match(row) is not None for row in rows) > 1
