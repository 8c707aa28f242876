"""Themes: readable ones, and faults that are told and survived."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.theme import Theme
from textual.widgets import Static

from triage.tui.theming import FALLBACK, NAMES, built_in_dir, contrast, faint, load_themes, variable_defaults

OURS = {"dark", "light", "high-contrast", "blue-orange-dark", "blue-orange-light", "ansi", "mono"}
GOOD = 'dark = true\n[colors]\nforeground = "white"\nbackground = "black"\n'


def built_in() -> dict[str, Theme]:
    themes, problems = load_themes(None)
    assert problems == []
    return {theme.name: theme for theme in themes}


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / f"{name}.toml"
    path.write_text(text)
    return path


def test_ours_are_all_there_and_the_default_first() -> None:
    assert set(built_in()) == OURS
    assert next(iter(built_in())) == FALLBACK


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_text_is_readable_on_every_ground(name: str) -> None:
    assert faint(built_in()[name], enough=7 if name == "high-contrast" else 4.5) == []


@pytest.mark.parametrize("name", sorted(OURS - {"ansi", "mono"}))
def test_what_went_well_and_what_did_not_differ(name: str) -> None:
    colors = built_in()[name].variables
    assert len({colors[f"state-{state}"] for state in ("confirmed", "refused", "unknown", "held")}) == 4
    assert colors["diff-add"] != colors["diff-del"]


def test_the_colour_blind_pair_uses_neither_red_nor_green() -> None:
    for name in ("blue-orange-dark", "blue-orange-light"):
        variables = built_in()[name].variables
        good, bad = (variables[name].lstrip("#") for name in ("success", "error"))
        assert int(good[4:], 16) > int(good[:2], 16), "good is blue"
        assert int(bad[:2], 16) > int(bad[4:], 16), "bad is orange"
        assert int(bad[2:4], 16) > int(bad[4:], 16), "bad is orange"


@pytest.mark.parametrize("name", sorted(OURS))
async def test_textual_takes_each_with_all_names_as_variables(name: str) -> None:
    class Small(App[None]):
        CSS = "\n".join(f"#n-{one} {{ color: ${one}; }}" for one in NAMES)

        def get_theme_variable_defaults(self) -> dict[str, str]:
            return variable_defaults()

        def compose(self) -> ComposeResult:
            yield Static("state", id="n-state-held")

    app = Small()
    for theme in built_in().values():
        app.register_theme(theme)
    async with app.run_test() as pilot:
        app.theme = name
        await pilot.pause()
        assert NAMES.keys() <= app.theme_variables.keys()
        assert app.theme_variables["state-held"] == built_in()[name].variables["state-held"]


def test_what_is_left_out_is_derived(tmp_path: Path) -> None:
    write(tmp_path, "mine", GOOD + 'error = "#ff0000"\n')
    mine = next(theme for theme in load_themes(tmp_path)[0] if theme.name == "mine")
    assert mine.variables["state-refused"] == mine.variables["endpoint-denied"] == "#ff0000"
    assert mine.variables["muted"] == "white"
    assert contrast(mine, "muted", "selected") == pytest.approx(21)


def test_every_fault_is_told_at_once_and_the_theme_still_works(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "mine",
        'darkness = 3\nansi = "no"\n'
        + GOOD
        + 'eror = "red"\nmuted = "#12"\nkey = 7\ntitle = "#ffffff80"\nstate-helt = "red"\n',
    )
    themes, problems = load_themes(tmp_path)
    assert problems == [
        f"{path}: there is no setting 'darkness'; did you mean 'dark'?",
        f"{path}: ansi: 'no' is not of the right type",
        f"{path}: colors.eror: there is no such name; did you mean 'error'?",
        f'{path}: colors.muted: \'#12\' is no colour (write "#rrggbb", a name, or "ansi_red" for the '
        "terminal's own)",
        f"{path}: colors.key: 7 is no colour",
        f"{path}: colors.title: '#ffffff80' is transparent; themes need solid colours",
        f"{path}: colors.state-helt: there is no such name; did you mean 'state-held'?",
    ]
    assert "mine" in {theme.name for theme in themes}


def test_a_file_without_the_two_it_needs_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", '[colors]\nforeground = "white"\n')
    themes, problems = load_themes(tmp_path)
    assert problems == [f"{path}: colors needs background; the theme is left out"]
    assert {theme.name for theme in themes} == OURS


@pytest.mark.parametrize("content", [b"dark = ", b"\xff\xfe", b"colors = 3"])
def test_an_unreadable_file_is_told_and_the_others_are_there(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    themes, problems = load_themes(tmp_path)
    assert problems
    assert all(str(tmp_path / "mine.toml") in problem for problem in problems)
    assert {theme.name for theme in themes} == OURS


def test_ones_own_theme_wins_by_name(tmp_path: Path) -> None:
    write(tmp_path, "anything", 'name = "dark"\n' + GOOD)
    dark = next(theme for theme in load_themes(tmp_path)[0] if theme.name == "dark")
    assert dark.foreground == "white"


def test_faint_text_is_named(tmp_path: Path) -> None:
    write(tmp_path, "mine", GOOD + 'muted = "#333333"\n')
    mine = next(theme for theme in load_themes(tmp_path)[0] if theme.name == "mine")
    assert any(words.startswith("muted on background has a contrast of 1.7") for words in faint(mine))


def test_a_missing_directory_is_no_fault(tmp_path: Path) -> None:
    assert load_themes(tmp_path / "none")[1] == []
    assert built_in_dir().name == "themes"


def test_the_page_on_themes_names_every_colour() -> None:
    page = (built_in_dir().parent / "docs" / "themes.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in page] == []
