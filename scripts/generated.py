"""What the scripts share that make pages of the docs: write what is stale, or with ``--check`` only say so."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ROOT", "between", "keep"]

ROOT = Path(__file__).resolve().parent.parent


def keep(pages: Mapping[Path, str], arguments: Sequence[str]) -> int:
    """Have each page hold its text; with ``--check`` change nothing. Exit status 1: one is stale."""
    stale = [(page, text) for page, text in pages.items() if not page.exists() or page.read_text() != text]
    check = "--check" in arguments
    for page, text in stale:
        if check:
            print(f"{page.relative_to(ROOT)} is stale: run python {sys.argv[0]}", file=sys.stderr)
        else:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text)
    return 1 if stale and check else 0


def between(text: str, name: str, block: str) -> str:
    """``text`` with ``block`` between its comments ``<!-- name -->`` and ``<!-- /name -->``.

    Raises ValueError where it has no such comments.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, rest = text.split(start, 1)
    _, after = rest.split(end, 1)
    return f"{before}{start}\n{block}\n{end}{after}"
