"""Handing an item or a text on: to the clipboard, a browser, the operator's editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from triage.model import safe_text
from triage.model.item import Item

__all__ = ["CopyTooLarge", "browse", "copy_text", "edit_in", "editor_command"]

MAX_COPY_BYTES = 70_000
"""Terminals drop longer clipboard sequences without a word."""


class CopyTooLarge(Exception):
    """More than terminals take into the clipboard."""


def copy_text(item: Item) -> str:
    """What ``copy`` puts into the clipboard: title, actions with their arguments, id. Raises CopyTooLarge."""
    parts = [safe_text.line(item.title)]
    for action in item.actions:
        arguments = msgspec.json.format(msgspec.json.encode(action.arguments), indent=2).decode()
        parts.append(f"{safe_text.line(action.name)} {safe_text.block(arguments)}")
    if item.description:
        parts.append(safe_text.block(item.description))
    text = "\n\n".join([*parts, f"{item.endpoint} {item.id}"])
    if len(text.encode()) > MAX_COPY_BYTES:
        raise CopyTooLarge(
            f"the item is larger than the {MAX_COPY_BYTES // 1000} KB a terminal's clipboard takes"
        )
    return text


def browse(url: str) -> str:
    """Open a page; what to tell the operator."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "the endpoint's link is no web address; it is not opened"
    shown = safe_text.line(url, 120)
    if os.environ.get("SSH_CONNECTION") or not _has_display():
        return f"no browser can be opened from here; the page is {shown}"
    return f"opened {shown}" if webbrowser.open(url) else f"no browser was found; the page is {shown}"


def _has_display() -> bool:
    return (
        os.name == "nt"
        or os.uname().sysname == "Darwin"
        or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))
    )


def editor_command(configured: str | None) -> list[str]:
    """The operator's editor: the configuration's, ``$VISUAL``, ``$EDITOR``, else ``vi``."""
    named = configured or os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    return shlex.split(named) or ["vi"]


def edit_in(command: list[str], text: str, suffix: str) -> str:
    """The text as the editor left it. Blocks until the editor ends.

    Raises OSError where it cannot be started, CalledProcessError where it fails.
    """
    descriptor, name = tempfile.mkstemp(prefix="triage-", suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run([*command, name], check=True)
        return path.read_text(encoding="utf-8")
    finally:
        path.unlink(missing_ok=True)
