"""Every sign of a keyboard at the desk: Textual looks for methods named after keys, such as ``_key_at`` for ``@``."""

from __future__ import annotations

import string

from tests.desk.scripted import Agent
from tests.tui.conftest import OpenConsole


async def test_no_sign_ends_the_console(open_console: OpenConsole, agent: Agent) -> None:
    agent.ask("a")
    async with open_console() as console:
        for sign in string.punctuation:
            await console.press(sign)
            await console.press("escape")
            await console.press("escape")
        assert console.app.is_running
        assert console.app.return_code is None
