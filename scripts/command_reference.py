"""Write docs/commands.md: every command's help, as the program itself prints it.

python scripts/command_reference.py            write it
python scripts/command_reference.py --check    exit 1 when it is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
from generated import ROOT, keep

from triage.cli.main import main as program

PAGE = ROOT / "docs" / "commands.md"
WIDTH = 90

_INTRODUCTION = """# Commands

Made by `scripts/command_reference.py` from what `triage COMMAND --help` prints.

Whatever the console does, these do without it, side by side with an open console or alone. Where a command
prints JSON, characters that could act on a terminal or hide there stand as `\\uXXXX`. An ID may be shortened
to any beginning that no other item has.

| command | prints with `--json` |
| --- | --- |
| `list` | an array of `id, revision, endpoint, kind, agent, title, action, actions, options, answer_schema, \
verbs, created_at, expires_at, risk, risk_why, state`; `action` is the first of `actions`, each \
of them `name, arguments, schema` |
| `show` | one such object with `description, context, raw` |
| a verb, `wait`, `undo` | `id, decision, state, detail`; where nothing was logged `decision` is null |
| `endpoints` | an array of `name, kind, url, version, warning, health, detail, since, waiting, paused` |
| `log` | a line an event: `seq, at, type, item, endpoint, decision, operator, state, detail, effect, note, \
revision, verbs, title, verdicts` |
| `log verify` | `ok, segments, events, payloads, erased, head, findings, notes`; a finding is `file, line, why` |
| `status` | `at, waiting, held, sending, unknown, failing, paused, oldest, by_endpoint, version` |
| `doctor` | an array of `check, state, detail`; `state` is `ok`, `note` or `wrong` |"""


def page() -> str:
    """The whole of docs/commands.md."""
    return "\n\n".join([_INTRODUCTION, *_sections(program, None, "triage")]) + "\n"


def _sections(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    """A heading and the help, of a command and of those below it."""
    context = click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _sections(found, context, below)


if __name__ == "__main__":
    sys.exit(keep({PAGE: page()}, sys.argv[1:]))
