"""Where configuration and data lie, and which directories are refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from triage import paths
from triage.paths import PathProblem


def test_the_environment_overrides_the_platforms_directories(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRIAGE_CONFIG", str(tmp_path / "mine.toml"))
    monkeypatch.setenv("TRIAGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TRIAGE_OPERATOR", "ann")
    assert paths.config_file() == tmp_path / "mine.toml"
    assert paths.user_themes_dir() == tmp_path / "themes"
    assert paths.data_dir() == tmp_path / "data"
    assert paths.operator_name() == "ann"


def test_without_it_they_are_triages_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRIAGE_CONFIG", "TRIAGE_DATA", "TRIAGE_OPERATOR"):
        monkeypatch.delenv(name, raising=False)
    assert paths.config_file().parts[-2:] == ("triage", "config.toml")
    assert paths.data_dir().name == "triage"
    assert paths.operator_name()


def test_a_directory_is_made_for_this_user_alone(tmp_path: Path) -> None:
    paths.prepare(tmp_path / "a" / "data")
    assert stat.S_IMODE((tmp_path / "a" / "data").stat().st_mode) == 0o700
    paths.prepare(tmp_path / "a" / "data")


def test_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(PathProblem, match=r"may be written by other users.*chmod 700"):
        paths.prepare(tmp_path)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(PathProblem, match="is a file; move it or set TRIAGE_DATA"):
            paths.prepare(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PathProblem, match="may not be read and written by you"):
        paths.prepare(tmp_path)
    with pytest.raises(PathProblem, match="cannot be made: Permission denied"):
        paths.prepare(tmp_path / "data")
