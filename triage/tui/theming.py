"""Themes: TOML files read into Textual themes with semantic names, every fault told and none fatal.

A file has ``dark = true`` or ``false``, optionally ``name`` and ``ansi``, and a table ``[colors]``. It needs
``foreground`` and ``background``; whatever else is left out is derived, as ``NAMES`` says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

import triage

__all__ = ["BACKGROUNDS", "FALLBACK", "NAMES", "contrast", "faint", "load_themes", "variable_defaults"]

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "foreground": "",
        "background": "",
        "surface": "background",
        "panel": "surface",
        "primary": "foreground",
        "secondary": "primary",
        "accent": "primary",
        "warning": "foreground",
        "error": "foreground",
        "success": "foreground",
        "muted": "foreground",
        "title": "foreground",
        "heading": "primary",
        "key": "accent",
        "line": "muted",
        "line-focus": "primary",
        "selected": "panel",
        "selected-text": "foreground",
        "match": "selected",
        "match-text": "selected-text",
        "fault": "error",
        "hidden-mark": "error",
        "state-waiting": "primary",
        "state-changed": "warning",
        "state-snoozed": "muted",
        "state-gone": "muted",
        "state-held": "warning",
        "state-sending": "secondary",
        "state-sent": "secondary",
        "state-confirmed": "success",
        "state-refused": "error",
        "state-unknown": "error",
        "state-withdrawn": "muted",
        "state-stale": "muted",
        "state-closed": "muted",
        "risk-high": "error",
        "risk-medium": "warning",
        "risk-low": "muted",
        "endpoint-new": "muted",
        "endpoint-ok": "success",
        "endpoint-degraded": "warning",
        "endpoint-failing": "error",
        "endpoint-denied": "error",
        "diff-add": "success",
        "diff-del": "error",
        "json-key": "primary",
        "json-string": "success",
        "json-number": "accent",
        "json-literal": "secondary",
    }
)
"""Every colour a theme may give → the one it is taken from when it is left out (empty: it must be given)."""

BACKGROUNDS = ("background", "surface", "panel", "selected")
"""What text is drawn on."""

_NOT_TEXT = frozenset({*BACKGROUNDS, "line", "line-focus", "match", "match-text", "selected-text"})
_DERIVED = MappingProxyType(
    {
        "block-cursor-background": "selected",
        "block-cursor-foreground": "selected-text",
        "block-cursor-blurred-background": "selected",
        "block-cursor-blurred-foreground": "selected-text",
        "block-hover-background": "panel",
        "border": "line-focus",
        "border-blurred": "line",
        "text": "foreground",
        "text-muted": "muted",
        "text-disabled": "muted",
        "foreground-muted": "muted",
        "foreground-disabled": "muted",
        "footer-background": "panel",
        "footer-foreground": "foreground",
        "footer-key-foreground": "key",
        "footer-description-foreground": "foreground",
        "input-cursor-background": "foreground",
        "input-cursor-foreground": "background",
        "input-selection-background": "match",
        "input-selection-foreground": "match-text",
        "screen-selection-background": "match",
        "screen-selection-foreground": "match-text",
        "scrollbar": "line",
        "scrollbar-hover": "muted",
        "scrollbar-active": "line-focus",
        "scrollbar-background": "background",
        "scrollbar-background-hover": "background",
        "scrollbar-background-active": "background",
        "scrollbar-corner-color": "background",
        "link-color": "primary",
        "text-dim": "muted",
        "rule": "line",
        "bar": "panel",
        "key-hint": "key",
        "cursor-row": "selected",
        "cursor-row-dim": "panel",
        "diff-hunk": "heading",
        "button-foreground": "foreground",
        "button-color-foreground": "background",
    }
)
"""Textual's own variables, and further names the widgets use → the name each is taken from."""

FALLBACK = "dark"
"""The theme to use when the configured one is missing."""

_ENOUGH = 4.5


def load_themes(user_dir: Path | None) -> tuple[list[Theme], list[str]]:
    """All themes, ours and those in ``user_dir`` (which win by name), and every fault in a sentence.

    Never raises. A colour that cannot be read is derived instead; a file that cannot is left out.
    """
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for path in [*_files(built_in_dir(), problems), *_files(user_dir, problems)]:
        theme = _read(path, problems)
        if theme is not None:
            themes[theme.name] = theme
    return sorted(themes.values(), key=lambda theme: (theme.name != FALLBACK, theme.name)), problems


def built_in_dir() -> Path:
    """Where our own themes are: in the package (installed), else beside it (a checkout)."""
    package = Path(triage.__file__).parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def contrast(theme: Theme, text: str, ground: str) -> float | None:
    """WCAG contrast ratio (1 to 21) of two names; None for colours the terminal chooses."""
    colors = _colors(theme)
    first, second = Color.parse(colors[text]), Color.parse(colors[ground])
    if first.ansi is not None or second.ansi is not None:
        return None
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def variable_defaults() -> dict[str, str]:
    """Every name with a colour that works, for ``App.get_theme_variable_defaults``: stylesheets may then
    use the names whatever theme is set."""
    given = {"foreground": "#ffffff", "background": "#000000", "selected": "#333333"}
    return {name: _resolve(name, given) for name in NAMES}


def faint(theme: Theme, enough: float = _ENOUGH) -> list[str]:
    """Which text of a theme is hard to read on which ground, a sentence each."""
    pairs = [(name, ground) for name in NAMES if name not in _NOT_TEXT for ground in BACKGROUNDS]
    pairs += [("selected-text", "selected"), ("match-text", "match")]
    found = ((name, ground, contrast(theme, name, ground)) for name, ground in pairs)
    return [
        f"{name} on {ground} has a contrast of {ratio:.1f}; {enough:g} is wanted"
        for name, ground, ratio in found
        if ratio is not None and ratio < enough
    ]


def _colors(theme: Theme) -> dict[str, str]:
    return {name: theme.variables[name] for name in NAMES}


def _files(directory: Path | None, problems: list[str]) -> list[Path]:
    if directory is None or not directory.is_dir():
        return []
    try:
        return sorted(directory.glob("*.toml"))
    except OSError as error:
        problems.append(f"{directory}: {error.strerror or error}")
        return []


def _read(path: Path, problems: list[str]) -> Theme | None:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        problems.append(f"{path}: {error}")
        return None
    faults = list(_faults(table))
    problems += [f"{path}: {fault}" for fault in faults]
    given = _given(table)
    if missing := [name for name, source in NAMES.items() if not source and name not in given]:
        problems.append(f"{path}: colors needs {' and '.join(missing)}; the theme is left out")
        return None
    return _theme(table, given, path.stem)


def _faults(table: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in a theme file, colour by colour."""
    kinds: dict[str, type] = {"name": str, "dark": bool, "ansi": bool, "colors": dict}
    for key, value in table.items():
        if key not in kinds:
            yield f"there is no setting {key!r}{_nearest(key, kinds)}"
        elif not isinstance(value, kinds[key]):
            yield f"{key}: {value!r} is not of the right type"
    colors = table.get("colors")
    if not isinstance(colors, dict):
        return
    for name, value in colors.items():
        if name not in NAMES:
            yield f"colors.{name}: there is no such name{_nearest(name, NAMES)}"
        elif (why := _bad_color(value)) is not None:
            yield f"colors.{name}: {why}"


def _bad_color(value: object) -> str | None:
    if not isinstance(value, str):
        return f"{value!r} is no colour"
    try:
        color = Color.parse(value)
    except (ColorParseError, ValueError):
        return f'{value!r} is no colour (write "#rrggbb", a name, or "ansi_red" for the terminal\'s own)'
    return None if color.a == 1 and not color.auto else f"{value!r} is transparent; themes need solid colours"


def _given(table: Mapping[str, Any]) -> dict[str, str]:
    colors = table.get("colors")
    pairs = colors.items() if isinstance(colors, dict) else ()
    return {name: value for name, value in pairs if name in NAMES and _bad_color(value) is None}


def _theme(table: Mapping[str, Any], given: Mapping[str, str], stem: str) -> Theme:
    """A Textual theme with every name of ``NAMES`` and those of Textual's that derive from them."""
    colors = {name: _resolve(name, given) for name in NAMES}
    derived = {own: colors[source] for own, source in _DERIVED.items()}
    if table.get("ansi") is True:
        derived |= {"ansi-background": colors["background"], "ansi-foreground": colors["foreground"]}
    name = table.get("name")
    return Theme(
        name=name if isinstance(name, str) and name else stem,
        primary=colors["primary"],
        secondary=colors["secondary"],
        warning=colors["warning"],
        error=colors["error"],
        success=colors["success"],
        accent=colors["accent"],
        foreground=colors["foreground"],
        background=colors["background"],
        surface=colors["surface"],
        panel=colors["panel"],
        boost=colors["panel"],
        dark=table.get("dark") is not False,
        ansi=table.get("ansi") is True,
        variables=colors | derived | _STYLES,
    )


_STYLES = {"block-cursor-text-style": "bold", "link-style": "underline", "input-cursor-text-style": "none"}


def _resolve(name: str, given: Mapping[str, str]) -> str:
    while name not in given:
        name = NAMES[name]
    return given[name]


def _nearest(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
