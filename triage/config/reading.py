"""Reading the configuration file: all its faults at once, each with its line."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from triage import paths
from triage.config.checking import faults_of_endpoint, faults_of_settings, faults_of_table
from triage.config.faults import ConfigError, Fault, Lines
from triage.config.settings import Config
from triage.model.endpoint import EndpointConfig

__all__ = ["endpoint_names", "load", "parse", "read_text"]

_POSITION = re.compile(
    r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$", re.DOTALL
)
_PATH_FIELDS = ("ca_file", "client_cert", "client_key", "unix_socket")


def load(path: Path | None = None, *, endpoints: bool = True) -> Config:
    """The configuration in ``path`` (default: ``paths.config_file()``); a missing file is an empty one.

    ``endpoints=False`` leaves the endpoints out and imports no connector. Raises ConfigError.
    """
    source = paths.config_file() if path is None else path
    return parse(read_text(source), source, endpoints=endpoints)


def parse(text: str, source: Path, *, endpoints: bool = True) -> Config:
    """The configuration that ``text`` holds. Raises ConfigError with every fault found."""
    table = _table(text, source)
    lines = Lines(text)
    tables = table.pop("endpoints", {})
    faults = [*faults_of_table(table, Config, (), lines, leave_out=("source",))]
    faults += faults_of_settings(table, lines)
    made: dict[str, EndpointConfig] = {}
    if endpoints:
        faults += _endpoint_faults(tables, lines, source.parent, made)
    if faults:
        raise ConfigError(source, faults)
    return msgspec.structs.replace(msgspec.convert(table, Config), endpoints=made, source=source)


def endpoint_names(path: Path | None = None) -> list[str]:
    """The names of the configured endpoints as far as they can be read: for completion, never raises."""
    source = paths.config_file() if path is None else path
    with contextlib.suppress(ConfigError):
        tables = _table(read_text(source), source).get("endpoints", {})
        return list(tables) if isinstance(tables, dict) else []
    return []


def _endpoint_faults(
    tables: Any, lines: Lines, directory: Path, made: dict[str, EndpointConfig]
) -> Iterator[Fault]:
    """The faults of all endpoint tables; those without any are put into ``made``."""
    if not isinstance(tables, dict):
        yield Fault(lines.of("endpoints"), "`endpoints` must be tables: [endpoints.NAME]")
        return
    for name, table in tables.items():
        if not isinstance(table, dict):
            message = f"`endpoints.{name}` must be a table: [endpoints.NAME] with kind and url"
            yield Fault(lines.of("endpoints", name), message)
            continue
        located = {**table, **_located(table, directory)}
        config, faults = faults_of_endpoint(name, located, lines)
        yield from faults
        if config is not None:
            made[name] = config


def _located(table: dict[str, Any], directory: Path) -> dict[str, str]:
    """The table's paths with ``~`` resolved, relative ones taken from the configuration's directory."""
    named = {key: table[key] for key in _PATH_FIELDS if isinstance(table.get(key), str)}
    return {key: str(directory / Path(value).expanduser()) for key, value in named.items()}


def read_text(source: Path) -> str:
    """The text of the file, empty when it is missing. Raises ConfigError when others may write it."""
    """The text of the file, empty when it is missing. Raises ConfigError when others may write it."""
    try:
        trouble = paths.others_may_write(source)
        content = source.read_bytes()
    except FileNotFoundError:
        return ""
    except IsADirectoryError as error:
        message = "is a directory; TRIAGE_CONFIG names a file, such as config.toml in it"
        raise ConfigError(source, [Fault(None, message)]) from error
    except OSError as error:
        raise ConfigError(source, [Fault(None, f"cannot be read: {error.strerror}")]) from error
    if trouble:
        message = f"{trouble}, who could have your decisions sent elsewhere: chmod 600 {source}"
        raise ConfigError(source, [Fault(None, message)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(source, [Fault(line, "is not UTF-8 text here")]) from error


def _table(text: str, source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.match(str(error))
        what = found["what"] if found else str(error)
        last = text.count("\n") + 1
        line = int(found["line"]) if found and found["line"] else last
        raise ConfigError(source, [Fault(line, f"is not TOML here: {what}")]) from error
    except RecursionError as error:
        raise ConfigError(source, [Fault(None, "is nested too deep to read")]) from error
