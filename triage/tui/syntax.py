"""The colours of code: comments, strings, numbers and keywords of the languages agents write most.

One pattern a language is run once over the text and never goes back, so that no text takes long. The
lexers of highlighting libraries do go back: 20 KB of ``a.a.a.`` held one of them, and with it the
interpreter and every delivery, for more than a minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from triage.model import safe_text
from triage.tui.lines import Line, Span, marked

__all__ = ["LANGUAGES", "MAX_CHARACTERS", "code_rows", "language_named", "language_of_path"]

MAX_CHARACTERS = 60_000
MAX_ROWS = 2_000
"""What is beyond either has no colours."""


class _Language(NamedTuple):
    """What its text is made of, as pieces of a pattern."""

    words: str
    """Keywords, parted by spaces."""
    comments: Sequence[str]
    strings: Sequence[str]
    keys: str = ""
    """What names a value, as in a settings file."""
    literals: str = "true false null"
    folds: bool = False
    """Keywords may be written in capitals."""


def _until(start: str, end: str) -> str:
    """From ``start`` to ``end``, or to the end of the text."""
    return rf"{start}(?s:(?!{end}).)*+(?:{end})?"


_HASH = r"(?<![^\s;(])\#[^\n]*+"
_SLASHES = r"//[^\n]*+"
_STARS = _until(r"/\*", r"\*/")
_DOUBLE = r'"(?:[^"\\\n]|\\.)*+"?'
_SINGLE = r"'(?:[^'\\\n]|\\.)*+'?"
_CHARACTER = r"'(?:[^'\\\n]|\\.[^'\n]{0,8})'"
_BACKTICK = r"`(?:[^`\\]|\\(?s:.))*+`?"
_C_COMMENTS = (_SLASHES, _STARS)

_PYTHON = _Language(
    "and as assert async await break class continue def del elif else except finally for from global if import in "
    "is lambda match nonlocal not or pass raise return try while with yield",
    (r"\#[^\n]*+",),
    (_until('"""', '"""'), _until("'''", "'''"), _DOUBLE, _SINGLE),
    literals="True False None self",
)
_SHELL = _Language(
    "if then else elif fi for while until do done case esac in function return export local sudo set unset exit "
    "source trap eval exec",
    (_HASH,),
    (r"'[^']*+'?", r'"(?:[^"\\]|\\(?s:.))*+"?'),
    keys=r"\$(?:\w++|\{[^}\n]*+\}?|[?!$@\#*-])|(?<!\S)--?[A-Za-z][\w-]*+",
    literals="true false",
)
_SQL = _Language(
    "select from where insert into values update set delete create alter drop table index view add column "
    "primary key foreign references unique constraint default not and or in is like ilike between exists "
    "join left right inner outer full cross on using group by order having limit offset union all distinct as asc desc "
    "begin commit rollback transaction truncate grant revoke to with recursive returning case when then else "
    "end if replace function trigger procedure language execute explain analyze concurrently cascade "
    "restrict temporary database schema lock vacuum merge over partition do nothing conflict",
    (r"--[^\n]*+", _STARS),
    (r"'(?:[^']|'')*+'?", r'"(?:[^"]|"")*+"?', r"`[^`\n]*+`?"),
    literals="true false null current_timestamp now",
    folds=True,
)
_SCRIPT = _Language(
    "async await break case catch class const continue default delete do else enum export extends finally for from "
    "function if implements import in instanceof interface let new of return static super switch throw try "
    "type typeof var void while yield",
    _C_COMMENTS,
    (_DOUBLE, _SINGLE, _BACKTICK),
    literals="true false null undefined this NaN",
)
_C_LIKE = _Language(
    "abstract auto bool break byte case catch char class const constexpr continue default delete do double else enum "
    "explicit extends extern final finally float for func fun goto if implements import inline int interface "
    "internal let long namespace new object operator override package private protected public readonly return "
    "short signed sizeof static struct super switch template throw throws try typedef typename union unsigned "
    "using val var virtual void volatile when where while",
    (r"(?m:^)[ ]*+\#[^\n]*+", *_C_COMMENTS),
    (_DOUBLE, _CHARACTER),
    literals="true false null nullptr nil this self",
)
_GO = _Language(
    "break case chan const continue default defer else fallthrough for func go goto if import interface map package "
    "range return select struct switch type var",
    _C_COMMENTS,
    (_DOUBLE, _CHARACTER, r"`[^`]*+`?"),
    literals="true false nil iota",
)
_RUST = _Language(
    "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub "
    "ref return static struct super trait type unsafe use where while",
    _C_COMMENTS,
    (_DOUBLE, _CHARACTER),
    literals="true false self Self None Some Ok Err",
)
_RUBY = _Language(
    "alias and begin break case class def do else elsif end ensure for if in module next not or raise redo require "
    "rescue retry return self super then undef unless until when while yield",
    (r"\#(?!\{)[^\n]*+",),
    (_DOUBLE, _SINGLE, r"`[^`\n]*+`?"),
    literals="true false nil",
)
_PHP = _SCRIPT._replace(
    words=_SCRIPT.words
    + " abstract array as echo elseif endforeach endif fn foreach global include isset namespace "
    "private protected public require trait use",
    comments=(*_C_COMMENTS, _HASH),
    keys=r"\$\w++",
    folds=True,
)
_JSON = _Language("", (), (_DOUBLE,), keys=r'"(?:[^"\\\n]|\\.)*+"(?=\s{0,8}:)')
_YAML = _Language(
    "",
    (_HASH,),
    (_DOUBLE, _SINGLE),
    keys=r"(?m:^)[ ]*+(?:-[ ]++)*+[\w./-]++(?=:(?:\s|$))",
    literals="true false null yes no on off",
)
_SETTINGS = _Language(
    "",
    (_HASH, r"(?m:^)[ ]*+;[^\n]*+"),
    (_until('"""', '"""'), _DOUBLE, _SINGLE),
    keys=r"(?m:^)[ ]*+(?:\[[^\]\n]*+\]\]?|[\w.-]++(?=[ ]*+[=:]))",
    literals="true false on off yes no",
)
_MARKUP = _Language(
    "", (_until("<!--", "-->"),), (_DOUBLE, r"'[^'\n]*+'?"), keys=r"</?[A-Za-z][\w:-]*+|/?>", literals=""
)
_STYLES = _Language(
    "important media import from to",
    (_STARS,),
    (_DOUBLE, _SINGLE),
    keys=r"(?<![\w-])[\w-]++(?=[ ]?:)",
    literals="none auto",
)
_DOCKER = _Language(
    "from as run cmd copy add env arg expose workdir user volume entrypoint label shell healthcheck onbuild stopsignal",
    (_HASH,),
    (_DOUBLE, _SINGLE),
    keys=r"\$(?:\w++|\{[^}\n]*+\}?)",
    literals="",
    folds=True,
)
_ANY = _Language("", (_HASH, _SLASHES), (_DOUBLE, _SINGLE))

LANGUAGES: Mapping[str, _Language] = MappingProxyType(
    {
        "python": _PYTHON,
        "shell": _SHELL,
        "SQL": _SQL,
        "JavaScript": _SCRIPT,
        "TypeScript": _SCRIPT,
        "C": _C_LIKE,
        "C++": _C_LIKE,
        "C#": _C_LIKE,
        "Java": _C_LIKE,
        "Kotlin": _C_LIKE,
        "Swift": _C_LIKE,
        "Go": _GO,
        "Rust": _RUST,
        "Ruby": _RUBY,
        "PHP": _PHP,
        "JSON": _JSON,
        "YAML": _YAML,
        "TOML": _SETTINGS,
        "INI": _SETTINGS,
        "HTML": _MARKUP,
        "XML": _MARKUP,
        "CSS": _STYLES,
        "Dockerfile": _DOCKER,
        "": _ANY,
    }
)
"""Language, as people write it → how it is coloured; the empty one is any."""

_NAMES = MappingProxyType(
    {
        **{name.lower(): name for name in LANGUAGES if name},
        **dict.fromkeys(("py", "python3", "pyi"), "python"),
        **dict.fromkeys(("sh", "bash", "zsh", "fish", "ksh", "console", "shellsession"), "shell"),
        **dict.fromkeys(("psql", "postgres", "postgresql", "mysql", "sqlite", "plpgsql", "ddl"), "SQL"),
        **dict.fromkeys(("js", "jsx", "mjs", "cjs", "node"), "JavaScript"),
        **dict.fromkeys(("ts", "tsx"), "TypeScript"),
        **dict.fromkeys(("h", "m"), "C"),
        **dict.fromkeys(("cc", "cpp", "cxx", "hpp"), "C++"),
        **dict.fromkeys(("cs", "csharp"), "C#"),
        **dict.fromkeys(("kt", "kts"), "Kotlin"),
        **dict.fromkeys(("golang",), "Go"),
        **dict.fromkeys(("rs",), "Rust"),
        **dict.fromkeys(("rb",), "Ruby"),
        **dict.fromkeys(("json5", "jsonc", "ndjson"), "JSON"),
        **dict.fromkeys(("yml",), "YAML"),
        **dict.fromkeys(("cfg", "conf", "properties", "env", "tf", "hcl"), "INI"),
        **dict.fromkeys(("htm", "xhtml", "vue", "svelte"), "HTML"),
        **dict.fromkeys(("svg", "xsl", "plist"), "XML"),
        **dict.fromkeys(("scss", "less"), "CSS"),
        **dict.fromkeys(("docker",), "Dockerfile"),
    }
)
_DEFINING = frozenset(
    "class def enum fn func function interface struct trait type fun table view index".split()
)


def language_named(name: str) -> str | None:
    """The language that people call ``name``, also by a file's ending; None where it is not known."""
    return _NAMES.get(name.strip().lower())


def language_of_path(path: str) -> str | None:
    """The language of a file, by its name; None where it does not say."""
    name = re.split(r"[/\\]", path[-200:])[-1]
    return language_named(name if "." not in name else name.rpartition(".")[2])


def code_rows(text: str, language: str) -> list[Line]:
    """``text`` as harmless rows, coloured as ``language``."""
    text = safe_text.block(text)
    coloured = len(text) <= MAX_CHARACTERS and text.count("\n") < MAX_ROWS
    rows: list[list[Span]] = [[]]
    for piece, style in _tokens(text, language) if coloured else ((text, "text"),):
        first, *others = piece.split("\n")
        rows[-1] += marked(first, style) if first else ()
        rows += [list(marked(row, style)) if row else [] for row in others]
    return [tuple(row) for row in rows]


def _tokens(text: str, language: str) -> Iterator[Span]:
    """The text in pieces, each with its style; nothing is left out."""
    known = LANGUAGES.get(language, _ANY)
    words, literals = _words(language)
    done, before = 0, ""
    for match in _pattern(language).finditer(text):
        style, piece = (match.lastgroup or "text").rstrip("_"), match[0]
        if style == "word":
            folded = piece.lower() if known.folds else piece
            style = _word_style(folded, before, words, literals)
            before = folded
        if style == "text":
            continue
        if match.start() > done:
            yield text[done : match.start()], "text"
        yield piece, style
        done = match.end()
    if done < len(text):
        yield text[done:], "text"


def _word_style(word: str, before: str, words: frozenset[str], literals: frozenset[str]) -> str:
    if word in words:
        return "keyword"
    if word in literals:
        return "literal"
    return "key" if before in _DEFINING and before in words else "text"


@lru_cache(maxsize=len(LANGUAGES))
def _words(language: str) -> tuple[frozenset[str], frozenset[str]]:
    known = LANGUAGES.get(language, _ANY)
    return frozenset(known.words.split()), frozenset(known.literals.split())


@lru_cache(maxsize=len(LANGUAGES))
def _pattern(language: str) -> re.Pattern[str]:
    """All pieces of a language as one pattern; a piece once found is never given back."""
    known = LANGUAGES.get(language, _ANY)
    number = r"(?<![\w.])(?:0[xXoObB][0-9a-fA-F_]++|[0-9][0-9_]*+(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)(?!\w)"
    parts = [
        ("key", known.keys if known is _JSON else ""),
        ("comment", "|".join(known.comments)),
        ("key_", "" if known is _JSON else known.keys),
        ("string", "|".join(known.strings)),
        ("number", number),
        ("word", r"[^\W\d]\w*+"),
    ]
    return re.compile("|".join(f"(?P<{name}>{part})" for name, part in parts if part))
