"""What is wrong with a configuration file: every fault with its line, in plain words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

__all__ = ["ConfigError", "Fault", "Lines", "nearest", "plain"]

_HEADER = re.compile(r"^\s*\[\[?\s*(?P<keys>[^\]#]+?)\s*\]\]?")
_ASSIGNMENT = re.compile(
    r"""^\s*(?P<keys>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_KEY = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_EXPECTED = re.compile(r"Expected `(?P<wanted>[^`]+)`(?P<bound> [<>]=? \S+)?(?:, got `(?P<got>[^`]+)`)?")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]+)`")
_AT = re.compile(r" - at `\$(?P<where>[^`]*)`$")
_WORDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list in […]",
    "object": "a table",
    "datetime": "a date and time",
}


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    line: int | None
    """Counted from 1; None where it belongs to no line."""
    message: str


class ConfigError(Exception):
    """A configuration that cannot be used; its text names file, line and mend of every fault."""

    def __init__(self, source: Path, faults: Iterable[Fault]) -> None:
        self.source = source
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line or 0))
        super().__init__("\n".join(self._sentences()))

    def _sentences(self) -> Iterator[str]:
        for fault in self.faults:
            where = str(self.source) if fault.line is None else f"{self.source}:{fault.line}"
            yield f"{where}: {fault.message}"


class Lines:
    """On which line of a TOML text each key stands. Tables in an array have numbers for keys, from ``1``."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        self._arrays: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        inside = ""
        for number, row in enumerate(text.splitlines(), start=1):
            if inside:
                inside = "" if inside in row else inside
            elif header := _HEADER.match(row):
                table = self._opened(_keys(header["keys"]), another=row.lstrip().startswith("[["))
                self._note(table, number)
            else:
                if assignment := _ASSIGNMENT.match(row):
                    self._note(table + _keys(assignment["keys"]), number)
                inside = _left_open(row)

    def _opened(self, keys: tuple[str, ...], *, another: bool) -> tuple[str, ...]:
        """The table that a header opens; ``another``: one more in an array of tables."""
        if another:
            place = self._opened(keys[:-1], another=False) + keys[-1:]
            self._arrays[place] = self._arrays.get(place, 0) + 1
        table: tuple[str, ...] = ()
        for key in keys:
            table += (key,)
            if table in self._arrays:
                table += (str(self._arrays[table]),)
        return table

    def _note(self, keys: tuple[str, ...], number: int) -> None:
        for depth in range(1, len(keys) + 1):
            self._lines.setdefault(keys[:depth], number)

    def of(self, *keys: str) -> int | None:
        """The line of ``keys``, or of the nearest table around it."""
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return self._lines.get(keys)


def nearest(word: str, valid: Iterable[str]) -> str:
    """The name in ``valid`` most like ``word``; empty when none is like it."""
    known = list(valid)
    starts = [name for name in known if name.startswith(word) or word.startswith(name)]
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return (found or starts or [""])[0]


def plain(error: msgspec.ValidationError) -> str:
    """What msgspec found wrong with a value, in plain words; the value itself is never repeated."""
    text = str(error)
    where = ""
    if at := _AT.search(text):
        text, where = text[: at.start()], at["where"].lstrip(".")
    inner = f" (at {where})" if where and where != "[...]" else ""
    if missing := _MISSING.match(text):
        return f"needs `{missing['key']}`{inner}"
    if expected := _EXPECTED.match(text):
        wanted = _named(expected["wanted"])
        if expected["bound"]:
            return f"must be {wanted}{expected['bound'].replace('.0', '')}{inner}"
        got = f", not {_named(expected['got'])}" if expected["got"] else ""
        return f"must be {wanted}{got}{inner}"
    return text + inner


def _named(types: str) -> str:
    names = [name.strip() for name in types.split("|") if name.strip() != "null"]
    return " or ".join(_WORDS.get(name, name) for name in names)


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(key.strip("\"'") for key in _KEY.findall(dotted))


def _left_open(row: str) -> str:
    """The triple quote that ``row`` opens and does not close; empty when there is none."""
    for quote in ('"""', "'''"):
        if row.count(quote) % 2:
            return quote
    return ""
