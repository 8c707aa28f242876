"""Adding an endpoint to the configuration file, whose comments and order stay."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from triage.config.faults import ConfigError, Fault
from triage.config.reading import parse, read_text

__all__ = ["add_endpoint"]


def add_endpoint(path: Path, name: str, table: dict[str, Any]) -> None:
    """Append ``[endpoints.NAME]`` with ``table`` to ``path``, made (0600) when it is missing.

    Nothing is written when the result would not be valid. Raises ConfigError.
    """
    import tomlkit
    import tomlkit.items

    text = read_text(path)
    parse(text, path)
    document = tomlkit.parse(text)
    tables = document.get("endpoints")
    if tables is None:
        tables = document["endpoints"] = tomlkit.table(is_super_table=True)
    if name in tables:
        message = f"there is an endpoint `{name}` already; name this one otherwise with --name"
        raise ConfigError(path, [Fault(None, message)])
    added = tomlkit.table()
    for key, value in table.items():
        added.add(key, value)
    tables.append(name, added)
    changed = tomlkit.dumps(document)
    parse(changed, path)
    _replace(path, changed)


def _replace(path: Path, text: str) -> None:
    """Write ``text`` beside ``path`` and move it there, so that no half file is ever read."""
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(target)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(path, [Fault(None, f"cannot be written: {error.strerror}")]) from error
