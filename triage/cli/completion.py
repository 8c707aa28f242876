"""``triage completion``: the script that teaches a shell our commands, ids and endpoint names."""

from __future__ import annotations

import click

from triage.cli.exits import Stop

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash:  triage completion bash > ~/.local/share/bash-completion/completions/triage
    zsh:   triage completion zsh > "${fpath[1]}/_triage"
    fish:  triage completion fish > ~/.config/fish/completions/triage.fish
    """
    from click.shell_completion import get_completion_class

    from triage.cli.main import main

    made = get_completion_class(shell)
    if made is None:
        raise Stop(f"there is no completion for {shell}")
    click.echo(made(main, {}, "triage", "_TRIAGE_COMPLETE").source())
