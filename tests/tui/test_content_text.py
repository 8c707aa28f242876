"""An agent's text is laid out as what it is, with nothing of it lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.model import safe_text
from triage.tui import content_text
from triage.tui.content_kind import MARKDOWN, PATCH, PLAIN, Content, Kind
from triage.tui.content_text import PANE, Extent, content_lines, summary
from triage.tui.json_text import json_lines, text_lines
from triage.tui.lines import Line, plain, width_of
from triage.tui.markdown_text import markdown_lines

SQL = Content(Kind.CODE, "SQL")
A_PATCH = """--- a/x.sql
+++ b/x.sql
@@ -7,3 +7,4 @@ begin
 select 1;
--- a comment goes
+++ two pluses come
+select 2;
 commit;
"""


def texts(lines: list[Line] | tuple[Line, ...]) -> list[str]:
    return [plain(line) for line in lines]


def style_of(lines: list[Line] | tuple[Line, ...], words: str) -> str:
    """The style of the span that holds ``words``."""
    return next(style for line in lines for text, style in line if words in text)


def test_a_patch_has_the_numbers_of_its_files() -> None:
    lines = content_lines(A_PATCH, PATCH, 60)
    assert texts(lines) == [
        "   │ --- a/x.sql",
        "   │ +++ b/x.sql",
        "   │ @@ -7,3 +7,4 @@ begin",
        " 7 │  select 1;",
        " 8 │ --- a comment goes",
        " 8 │ +++ two pluses come",
        " 9 │ +select 2;",
        "10 │  commit;",
    ]


def test_within_a_hunk_no_row_passes_for_the_name_of_a_file() -> None:
    lines = content_lines(A_PATCH, PATCH, 60)
    assert style_of(lines, "--- a/x.sql") == "strong"
    assert style_of(lines, "--- a comment goes") == "del"
    assert style_of(lines, "+++ two pluses") == "add"
    assert style_of(lines, "@@") == "hunk"
    assert summary(A_PATCH, PATCH) == "+2 -1, 8 lines"


def test_the_head_of_another_file_ends_a_hunk_that_was_miscounted() -> None:
    patch = A_PATCH.replace("-7,3 +7,4", "-7,9 +7,9") + A_PATCH
    lines = content_lines(patch, PATCH, 60)
    assert [style_of([line], "sql") for line in lines if "x.sql" in plain(line)] == ["strong"] * 4
    assert style_of(lines, "--- a comment goes") == "del"
    assert summary(patch, PATCH) == "2 files, +4 -2, 16 lines"


def test_code_is_numbered_and_wraps_beside_its_numbers() -> None:
    lines = content_lines("select one, two\nfrom three\n", SQL, 16)
    assert texts(lines) == ["1 │ select one,", "  │ two", "2 │ from three"]
    assert style_of(lines, "select") == "keyword"
    assert summary("select 1;\nselect 2;", SQL) == "SQL, 2 lines"


def test_a_long_text_is_cut_and_counted() -> None:
    text = "\n".join(f"row {number}" for number in range(1_000))
    lines = content_lines(text, PLAIN, 40, extent=Extent(10, 5_000, "enter opens the whole"))
    assert len(lines) == 11
    assert texts(lines)[-1] == "… 990 more lines, enter opens the whole"
    assert style_of(lines, "990") == "warning"
    assert len(content_lines(text, PLAIN, 40, extent=Extent(1_000, 50_000))) == 1_000
    assert len(content_lines(text + "\n", PLAIN, 40, extent=Extent(1_000, 50_000))) == 1_000
    words = content_lines("word " * 3_000, PLAIN, 40, extent=Extent(10, 5_000))
    assert texts(words)[-1] == "… 10,000 more characters"
    assert (
        texts(content_lines("a\n" * 3 + "b" * 9_000, PLAIN, 40, extent=Extent(3, 5_000)))[-1]
        == "… 1 more line"
    )


@given(st.text("ab\n", max_size=60), st.integers(1, 8), st.integers(1, 50))
def test_what_is_shown_and_what_is_counted_is_all(text: str, rows: int, characters: int) -> None:
    shown, hidden_rows, hidden = content_text._cut(text, Extent(rows, characters))
    assert text.startswith(shown)
    assert len(shown) <= characters
    assert shown.count("\n") < rows
    if not hidden:
        assert not text[len(shown) :].strip("\n")
    else:
        assert len(shown) + hidden == len(text)
        assert hidden_rows == len(text[len(shown) :].removesuffix("\n").split("\n")) - 1


def test_each_text_is_laid_out_once() -> None:
    text = "select 'once' from laid_out\nwhere true"
    assert content_lines(text, SQL, 50) is content_lines(text, SQL, 50)
    assert content_lines(text, SQL, 50) is not content_lines(text, SQL, 49)


# -- Markdown ---------------------------------------------------------------------------------------


def test_markdown_is_styled_and_keeps_its_signs() -> None:
    text = "## Plan\nDo **this** and `that`, _now_:\n- first\n> a quote\n```python\nreturn 1\n```\nend"
    lines = markdown_lines(text, 60)
    assert " ".join(texts(lines)) == text.replace("\nreturn 1", "\n  return 1").replace("\n", " ")
    assert style_of(lines, "Plan") == "heading"
    assert style_of(lines, "this") == "strong"
    assert style_of(lines, "that") == "string"
    assert style_of(lines, "now") == "emphasis"
    assert style_of(lines, "return") == "keyword"
    assert style_of(lines, "- ") == "accent"


def test_signs_that_emphasise_nothing_are_words() -> None:
    lines = markdown_lines("rm *.py and snake_case_name, 2 * 3 * 4", 60)
    assert all(style == "text" for line in lines for _, style in line)


def test_a_link_shows_where_it_leads() -> None:
    lines = markdown_lines("see [the docs](https://docs.example/a?b=c)", 80)
    assert texts(lines) == ["see [the docs](https://docs.example/a?b=c)"]
    assert style_of(lines, "docs.example") == "strong"
    assert style_of(lines, "the docs") == "link"


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("[https://paypal.com/login](https://evil.example/x)", "! leads to evil.example"),
        ("[paypal.com](https://paypal.com.evil.example)", "! leads to paypal.com.evil.example"),
        ("[bank.example](https://bank.example@evil.example/)", "! leads to evil.example"),
        ("[paypal.com](https://pаypal.com/)", "! leads to xn--pypal-4ve.com"),
        ("[paypal.com](https://www.paypal.com/x)", ""),
        ("[the file a.txt](/files/a.txt)", ""),
        ("[here](https://evil.example)", ""),
    ],
)
def test_a_link_whose_label_names_another_host_is_told(link: str, told: str) -> None:
    shown = " ".join(texts(markdown_lines(link, 200)))
    assert (told in shown) if told else ("leads to" not in shown)
    assert shown.startswith(link)


def test_a_list_hangs_below_its_words() -> None:
    assert texts(markdown_lines("1. one two three four", 12)) == ["1. one two", "   three", "   four"]
    assert texts(markdown_lines("    - deep one two", 14)) == ["    - deep one", "      two"]


@given(st.text(st.sampled_from("ab *_`#->[]()!\n1.|~x‹\u202e"), max_size=120))
def test_markdown_loses_no_character(text: str) -> None:
    shown = "".join("".join(texts(markdown_lines(text, 10_000))).split())
    wanted = "".join(safe_text.block(text).split())
    assert shown == wanted or "leads to" in shown


@pytest.mark.parametrize(
    "piece", ["*", "[", "[a](", "`", "_a", "> ", "- ", "#", "](", "**a", "```\n", "http://"]
)
def test_hostile_markdown_takes_no_time(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    begun = time.process_time()
    markdown_lines(text, 60)
    assert time.process_time() - begun < 3.0


# -- in JSON ----------------------------------------------------------------------------------------


def test_arguments_are_drawn_as_what_they_are() -> None:
    arguments = {
        "number": 147,
        "sql": "select 1;\nselect 2;",
        "command": "echo $HOME",
        "body": "Dear Ann,\n\n- one\n- two",
        "file": "src/a.py",
        "content": "import os\n",
        "diff": A_PATCH,
    }
    lines = json_lines(arguments, 60)
    shown = texts(lines)
    assert "sql  SQL, 2 lines" in shown
    assert "  1 │ select 1;" in shown
    assert "body  Markdown" in shown
    assert "  │ - one" in shown
    assert 'command  "echo $HOME"' in shown
    assert ("$HOME", "key") in {span for line in lines for span in line}
    assert ("import", "keyword") in {span for line in lines for span in line}
    assert "diff  +2 -1, 8 lines" in shown
    assert all(width_of(line) <= 60 for line in lines)


def test_the_rest_of_a_long_argument_is_counted() -> None:
    lines = json_lines({"log": "row\n" * 12_745}, 60, PANE._replace(rest="enter opens the whole"))
    assert texts(lines)[-1] == "  │ … 12,345 more lines, enter opens the whole"


def test_running_text_that_is_code_is_drawn_as_code() -> None:
    assert style_of(text_lines("#!/bin/sh\nexport A=1\n", 40), "export") == "keyword"
    assert [style for line in text_lines("plain words", 40) for _, style in line] == ["text"]
    assert text_lines("## a\n- b", 40) == list(content_lines("## a\n- b", MARKDOWN, 40))
