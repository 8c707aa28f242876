"""Where configuration and data lie, who the operator is, and whether a directory may be trusted."""

from __future__ import annotations

import getpass
import os
import stat
from pathlib import Path

import platformdirs

__all__ = [
    "PathProblem",
    "config_file",
    "data_dir",
    "operator_name",
    "others_may_write",
    "prepare",
    "user_themes_dir",
]

_APP = "triage"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class PathProblem(Exception):
    """A directory that cannot be used, and what to do about it."""


def config_file() -> Path:
    """The configuration file: ``$TRIAGE_CONFIG``, else ``config.toml`` in the platform's directory."""
    named = os.environ.get("TRIAGE_CONFIG")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_config_dir(_APP, appauthor=False)) / "config.toml"


def data_dir() -> Path:
    """The directory of queue and log: ``$TRIAGE_DATA``, else the platform's data directory."""
    named = os.environ.get("TRIAGE_DATA")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_data_dir(_APP, appauthor=False))


def user_themes_dir() -> Path:
    """Where the operator's own themes lie: ``themes`` beside the configuration file."""
    return config_file().parent / "themes"


def operator_name() -> str:
    """Who decides: ``$TRIAGE_OPERATOR``, else the login name."""
    named = os.environ.get("TRIAGE_OPERATOR", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def others_may_write(path: Path) -> str:
    """Why somebody else may change ``path``, in words; empty when only this user and root may.

    Raises OSError when there is no such path.
    """
    found = path.stat()
    if found.st_uid not in (os.geteuid(), 0):
        return f"belongs to another user (uid {found.st_uid})"
    if found.st_mode & _OTHERS_WRITE:
        return "may be written by other users"
    return ""


def prepare(directory: Path) -> None:
    """Make ``directory`` (0700) if need be, and see that only this user can write it.

    Raises PathProblem.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        trouble = others_may_write(directory)
    except (FileExistsError, NotADirectoryError) as error:
        raise PathProblem(
            f"{directory} cannot be the data directory: {error.filename} is a file; "
            "move it or set TRIAGE_DATA to another directory"
        ) from error
    except OSError as error:
        raise PathProblem(
            f"{directory} cannot be made: {error.strerror}; set TRIAGE_DATA to a directory you may write"
        ) from error
    if trouble:
        mend = (
            f"chmod 700 {directory}" if "written" in trouble else "set TRIAGE_DATA to a directory of your own"
        )
        raise PathProblem(f"{directory} {trouble}, so the log in it could not be trusted: {mend}")
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise PathProblem(f"{directory} may not be read and written by you: chmod 700 {directory}")
