"""Take the documentation's pictures from the running demo: docs/screens/*.svg.

python scripts/screenshots.py            take all
python scripts/screenshots.py --check    exit 1 when one of them is stale
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from textual.pilot import Pilot

from triage.config import Config
from triage.connectors import load
from triage.demo import running
from triage.demo.content.deploys import release_search
from triage.demo.content.payments import late_parcel
from triage.demo.proposal import Template
from triage.desk.desk import Desk
from triage.tui.app import TriageApp
from triage.tui.stopwatch import Stopwatch

ROOT = Path(__file__).resolve().parent.parent
SCREENS = ROOT / "docs" / "screens"
SEED = 7
WIDE, NARROW = (120, 36), (80, 24)
SETTLE_S = 0.4

ONLY_REFUNDS = ("slash", *"action:issue_refund", "enter")
DECIDED_ALIKE = ("j", "j", "x", "2", "a", "x", "3")

PICTURES: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {
    "desk": (WIDE, ("j", "j")),
    "desk-80x24": (NARROW, ("j", "j")),
    "reject": (WIDE, ("j", "j", "x")),
    "decide-each": (WIDE, ("D", "a", "a")),
    "edit-form": (WIDE, ("slash", *"action:send_mail", "enter", "e", "tab", *", and put right")),
    "groups": (WIDE, ("z", "j", "j")),
    "bulk": (WIDE, (*ONLY_REFUNDS, "V", "a", "n")),
    "bulk-80x24": (NARROW, (*ONLY_REFUNDS, "V", "a", "n")),
    "groups-80x24": (NARROW, ("z", "j", "j")),
    "edit-form-80x24": (NARROW, ("slash", *"action:send_mail", "enter", "e", "tab", *", and put right")),
    "diff": (WIDE, ("slash", *"title:release", "enter")),
    "diff-80x24": (NARROW, ("slash", *"title:release", "enter", "enter")),
    "snoozed": (WIDE, ("S", "2", "slash", *"is:snoozed", "enter")),
    "snoozed-80x24": (NARROW, ("S", "2", "slash", *"is:snoozed", "enter")),
    "precedents": (WIDE, (*ONLY_REFUNDS, *DECIDED_ALIKE, "enter", "enter")),
    "precedents-80x24": (NARROW, (*ONLY_REFUNDS, *DECIDED_ALIKE, "enter", "enter")),
    "summary": (WIDE, ("slash", *"agent:payments", "enter", "x", "2", "a", "Q")),
    "summary-80x24": (NARROW, ("slash", *"agent:payments", "enter", "x", "2", "a", "Q")),
    "help": (WIDE, ("question_mark",)),
}
"""Name → size of the screen, and the keys pressed before the picture is taken."""
_REFUNDS = ("payments", (late_parcel,) * 6)
_RELEASE = ("deploys", (release_search,))
ASKED: dict[str, tuple[str, tuple[Template, ...]]] = {
    "bulk": _REFUNDS,
    "precedents": _REFUNDS,
    "diff": _RELEASE,
}
"""Name, without its size → which agent asks what besides, where nothing like it waits at the start."""


class _Even(Stopwatch):
    """Has every decision take the same time, so that two pictures are alike."""

    def decided(self, decision_id: str, took_s: float) -> None:
        super().decided(decision_id, 2.4)


async def take(name: str) -> str:
    """One picture as SVG."""
    size, keys = PICTURES[name]
    async with _console(size, *ASKED.get(name.removesuffix("-80x24"), ("", ()))) as pilot:
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.2)
        await pilot.pause(SETTLE_S)
        return pilot.app.export_screenshot(title="triage demo")


@asynccontextmanager
async def _console(
    size: tuple[int, int], agent: str, asked: Sequence[Template]
) -> AsyncIterator[Pilot[None]]:
    """The console on the demo's agents, with everything polled and nothing new coming."""
    with tempfile.TemporaryDirectory() as directory:
        async with running(seed=SEED, pace=0) as demo:
            for number, template in enumerate(asked):
                demo.agents[agent].ask(template(random.Random(SEED + number)))
            endpoints = {
                name: msgspec.convert({**settings, "name": name}, load(settings["kind"]).Config)
                for name, settings in demo.endpoints.items()
            }
            desk = Desk(Config(endpoints=endpoints), Path(directory), operator="ann")
            app = TriageApp(desk)
            try:
                async with app.run_test(size=size) as pilot:
                    async with asyncio.timeout(20):
                        while len(app.desk_screen.view.rows) < demo.waiting():
                            await asyncio.sleep(0.05)
                    app.desk_screen.stopwatch = _Even()
                    await pilot.pause(SETTLE_S)
                    yield pilot
            finally:
                await desk.stop()


def main(arguments: list[str]) -> int:
    """Take every picture; with ``--check`` only say which are stale."""
    stale = []
    for name in PICTURES:
        path = SCREENS / f"{name}.svg"
        picture = asyncio.run(take(name))
        if path.exists() and path.read_text() == picture:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(picture)
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)}; run python scripts/screenshots.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
