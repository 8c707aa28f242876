"""Write docs/configuration.md from the settings' own types, defaults and docstrings.

python scripts/settings_reference.py            write it
python scripts/settings_reference.py --check    exit 1 when it is stale
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec
from generated import ROOT, keep

from triage import connectors
from triage.config import Config
from triage.config.judging import NoticeRule, OwnCommand, RiskRule
from triage.model.endpoint import EndpointConfig
from triage.model.reason import ReadyReason

PAGE = ROOT / "docs" / "configuration.md"
_NOT_SETTINGS = frozenset({"source", "endpoints", "name"})

_WORDS = {
    "str": "text",
    "float": "number",
    "int": "whole number",
    "Optional[int]": "whole number",
    "Optional[float]": "number",
    "bool": "true or false",
    "list[str]": "list of texts",
    "dict[str, str]": "table of texts",
    "dict[str, list[str]]": "table of lists",
    "dict[str, list[str | ReadyReason]]": "table of lists of texts or tables",
    "dict[str, OwnCommand]": "tables",
    "list[RiskRule]": "list of tables",
    "list[NoticeRule]": "list of tables",
    "list[Literal['bell', 'osc9', 'command']]": "list of texts",
    "Literal['reason', 'confirm', 'none']": "text",
    "Risk": "text",
    "dict[str, Any]": "table",
}
"""Type → how people call it."""

_OF_JUDGING: dict[str, type[msgspec.Struct]] = {
    "A rule of risk: `[[risk]]`": RiskRule,
    "A rule of notices: `[[notify]]`": NoticeRule,
    "A command of your own: `[commands.NAME]`": OwnCommand,
    "A ready reason: an element of `[reasons]`": ReadyReason,
}

_INTRODUCTION = """# Configuration

One TOML file: `config.toml` in the platform's configuration directory (`~/.config/triage` on Linux), or what
`TRIAGE_CONFIG` names. `triage add URL` writes an endpoint into it and keeps your comments. A key that is not known is
an error that names the file, the line and the nearest key there is. All of it is optional; a missing file is an empty
one.

```toml
hold_s = 8            # seconds to undo
theme = "light"

[reasons]
reject = ["Over the limit", "Wrong customer"]

[endpoints.support]
kind = "langgraph"
url = "https://agents.example"
token_env = "SUPPORT_TOKEN"
```

This page is made from the program itself."""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, "## At the top of the file", _table(Config)]
    parts += [part for title, shape in _OF_JUDGING.items() for part in (f"### {title}", _table(shape))]
    parts.append("[Judging](judging.md) shows them at work.\n\n## Every endpoint")
    parts += ["In `[endpoints.NAME]`, one table an endpoint.", _table(EndpointConfig)]
    common = {field.name for field in msgspec.structs.fields(EndpointConfig)}
    for kind in connectors.kinds():
        shape = connectors.load(kind).Config
        own = [field.name for field in msgspec.structs.fields(shape) if field.name not in common]
        if own:
            parts += [f"## Endpoints of kind `{kind}`", _table(shape, own)]
            parts += [
                part
                for struct in _nested(shape, own)
                for part in (f"### `{struct.__name__}`", _table(struct))
            ]
    return "\n\n".join(parts) + "\n"


def _table(shape: type[msgspec.Struct], names: list[str] | None = None) -> str:
    told = _docstrings(shape)
    hints = get_type_hints(shape)
    rows = ["| setting | type | default | meaning |", "| --- | --- | --- | --- |"]
    for field in msgspec.structs.fields(shape):
        if field.name in _NOT_SETTINGS or (names is not None and field.name not in names):
            continue
        meaning = " ".join(told.get(field.name, "").split()).replace("``", "`").replace("|", "\\|")
        rows.append(f"| `{field.encode_name}` | {_type(hints[field.name])} | {_default(field)} | {meaning} |")
    return "\n".join(rows)


def _default(field: Any) -> str:
    if field.required:
        return "needed"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value in (None, {}, [], (), ""):
        return ""
    value = msgspec.to_builtins(value)
    value = msgspec.json.encode(value).decode() if isinstance(value, list) else value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`".replace("|", "\\|")


def _type(hint: Any) -> str:
    text = str(hint) if not isinstance(hint, type) or getattr(hint, "__args__", None) else hint.__name__
    text = text.replace("typing.", "").replace("NoneType", "None").replace(" | None", "")
    for long in ("triage.connectors.", "triage.model.", "triage.config."):
        while long in text:
            start = text.index(long)
            end = next((i for i in range(start, len(text)) if text[i] in "],| ("), len(text))
            text = text[:start] + text[start:end].rpartition(".")[2] + text[end:]
    return _WORDS.get(text, f"`{text}`").replace("|", "\\|")


def _nested(shape: type[msgspec.Struct], names: list[str]) -> Iterator[type[msgspec.Struct]]:
    """Structs that the settings hold, each once, outermost first."""
    seen: dict[type[msgspec.Struct], None] = {}
    waiting: list[Any] = [get_type_hints(shape)[name] for name in names]
    while waiting:
        hint = waiting.pop(0)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint not in seen:
            seen[hint] = None
            waiting += get_type_hints(hint).values()
        waiting += getattr(hint, "__args__", ())
    yield from seen


def _docstrings(shape: type[msgspec.Struct]) -> dict[str, str]:
    """Field → the string that stands below it, for the struct and those it builds on."""
    found: dict[str, str] = {}
    for one in reversed(shape.__mro__):
        if not issubclass(one, msgspec.Struct) or one is msgspec.Struct:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(body, ast.ClassDef)
        for node, after in zip(body.body, body.body[1:], strict=False):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_text(after):
                found[node.target.id] = ast.literal_eval(after.value)  # type: ignore[attr-defined]
    return found


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


if __name__ == "__main__":
    sys.exit(keep({PAGE: page()}, sys.argv[1:]))
