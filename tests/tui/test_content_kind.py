"""What an agent's text is taken for, by its key, its file and its shape."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import triage.demo.content
from triage.model import safe_text
from triage.tui.content_kind import Content, Kind, path_beside, recognise
from triage.tui.lines import plain
from triage.tui.syntax import LANGUAGES, code_rows, language_of_path

PATCHES = Path(triage.demo.content.__file__).with_name("diffs")
LETTER = "Dear Noor,\n\nselect a slot from the list, then update us.\nWith kind regards\nAda"


@pytest.mark.parametrize("name", ["search.diff", "checkout.diff", "nginx.diff", "cache.diff"])
@pytest.mark.parametrize("key", ["diff", "text", ""])
def test_a_patch_is_known_by_its_shape(name: str, key: str) -> None:
    assert recognise((PATCHES / name).read_text(), key).kind is Kind.PATCH


@pytest.mark.parametrize(
    ("text", "key", "language"),
    [
        ((PATCHES / "migration.sql").read_text(), "sql", "SQL"),
        ((PATCHES / "migration.sql").read_text(), "", "SQL"),
        ("select * from orders", "query", "SQL"),
        ("SELECT id FROM orders WHERE x", "anything", "SQL"),
        ("rm -rf /srv/old && echo done", "command", "shell"),
        ("kubectl get pods | wc -l", "shellCommand", "shell"),
        ("#!/usr/bin/env python3\nprint(1)\n", "script", "python"),
        ("#!/bin/bash\nset -e\n", "", "shell"),
        ("import os\n\ndef main():\n    pass\n", "code", "python"),
        ("x = 1\ny = 2\n", "python_code", "python"),
        ('{\n  "a": 1\n}', "payload", "JSON"),
        ("a: 1\nb:\n  - c: 2\n  - d: 3\n", "manifest", "YAML"),
        ("<!DOCTYPE html>\n<p>Hi</p>", "page", "HTML"),
        ("FROM python:3.12\nRUN pip install x\n", "file", "Dockerfile"),
        ("const a = 1;\nexport default a;\n", "code", "JavaScript"),
        ("package main\n\nfunc main() {}\n", "source", "Go"),
    ],
)
def test_code_is_known(text: str, key: str, language: str) -> None:
    assert recognise(text, key) == Content(Kind.CODE, language)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (LETTER, "body"),
        (LETTER, ""),
        ("Delete from the list what you like\nUpdate us", "message"),
        ("approve", "command"),
        ("find kestrel 7 frames", "query"),
        ("rolling", "strategy"),
        ("x", "code"),
        ("EUR", "code"),
        ("AF-69293", "source"),
        ("hello", "sql_mode"),
        ("- only one item\nand text", "text"),
        ("", "diff"),
    ],
)
def test_words_stay_words(text: str, key: str) -> None:
    assert recognise(text, key).kind is Kind.PLAIN


@pytest.mark.parametrize(
    "text",
    [
        "# Plan\n\nFirst this.",
        "Do:\n- one\n- two",
        "1. one\n2. two",
        "see [the docs](https://docs.example/a)",
        "this is **very** bad\nindeed",
        "```python\nx = 1\n```",
    ],
)
def test_markdown_is_known_by_its_shape(text: str) -> None:
    assert recognise(text, "body").kind is Kind.MARKDOWN


def test_the_file_beside_it_tells_the_language() -> None:
    arguments = {"file_path": "src/app.ts", "new_string": "a\nb"}
    path = path_beside(arguments)
    assert recognise("a = b\n", "new_string", path) == Content(Kind.CODE, "TypeScript")
    assert recognise("# a\nb\n", "content", "README.md").kind is Kind.MARKDOWN
    assert recognise("rolling", "strategy", path).kind is Kind.PLAIN
    assert path_beside({"file": 3, "x": "a.py"}) == ""
    assert language_of_path("deploy/Dockerfile") == "Dockerfile"
    assert language_of_path("C:\\work\\main.rs") == "Rust"
    assert language_of_path("notes") is None


def styles_of(text: str, language: str) -> dict[str, str]:
    """Piece of code → its style."""
    return {piece: style for row in code_rows(text, language) for piece, style in row}


def test_the_pieces_of_code_have_their_styles() -> None:
    styles = styles_of('def pay(x):  # now\n    return "a", 1.5, None', "python")
    assert styles["def"] == styles["return"] == "keyword"
    assert styles["pay"] == "key"
    assert (styles["# now"], styles['"a"'], styles["1.5"], styles["None"]) == (
        "comment",
        "string",
        "number",
        "literal",
    )
    styles = styles_of("SELECT 'it''s' -- why\nFROM t", "SQL")
    assert (styles["SELECT"], styles["'it''s'"], styles["-- why"]) == ("keyword", "string", "comment")
    styles = styles_of('{"a": "b", "c": [true, 2]}', "JSON")
    assert (styles['"a"'], styles['"b"'], styles["true"], styles["2"]) == (
        "key",
        "string",
        "literal",
        "number",
    )


def test_a_comment_over_several_rows_is_one() -> None:
    rows = code_rows("a /* b\nc */ d", "Rust")
    assert rows[0][-1] == ("/* b", "comment")
    assert rows[1][0] == ("c */", "comment")


def test_what_hides_in_code_is_shown() -> None:
    rows = code_rows("access = 'user\u202e' # \u2066ok", "python")
    assert ("‹RLO›", "hidden") in rows[0]
    assert ("‹LRI›", "hidden") in rows[0]


@given(st.text(max_size=300), st.sampled_from(sorted(LANGUAGES)))
def test_no_character_is_left_out(text: str, language: str) -> None:
    assert "\n".join(map(plain, code_rows(text, language))) == safe_text.block(text)


HOSTILE = [
    "'",
    '"',
    "(",
    "a.",
    "\\",
    '"\\',
    "/*",
    "a ",
    " \n",
    "-",
    "@",
    "- ",
    "${",
    "::",
    "a=",
    "<a ",
    "0",
    "#",
    "`",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_no_time(piece: str) -> None:
    text = piece * (58_000 // len(piece))
    begun = time.process_time()
    for key in ("", "sql", "body"):
        recognise(text, key)
    for language in LANGUAGES:
        code_rows(text, language)
    assert time.process_time() - begun < 6.0, "linear, for every language"
