"""Keys: how long until the last byte, and how many bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.figures import Figure, Row, median, percentile
from benchmarks.making import Place, make_queue
from benchmarks.part import Part, Setting
from benchmarks.peers import mail_readers
from benchmarks.terminal import Answer, Terminal
from triage.store.log import Log

__all__ = ["PARTS", "console"]

_COUNT = 1000
_PLACE = re.compile(r" ([\d,]+)/([\d,]+) ")
_BURST = 200


@contextmanager
def console(place: Place, count: int = _COUNT, *, columns: int = 120, rows: int = 36) -> Iterator[Terminal]:
    """A console that has been quiet for a moment, on a queue that was made in ``place``."""
    with Terminal(place.command, place.env, columns=columns, rows=rows) as terminal:
        terminal.wait_for(f"{count - 1}:", "approve")
        terminal.settle(1.0)
        yield terminal
        terminal.press("q")


def cursor(shown: str) -> int:
    """On which row the cursor stands, as the list's header says; 0: it does not."""
    found = _PLACE.search(shown)
    return int(found[1].replace(",", "")) if found else 0


def _each(terminal: Terminal, keys: str, times: int) -> list[Answer]:
    """A key, again and again, each after a pause."""
    return [terminal.answer(keys) for _ in range(times)]


def _with_pane(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(40)
    with setting.directory() as directory:
        place = Place(directory / "desk")
        make_queue(place.data, _COUNT)
        beside = [peer.key() for peer in mail_readers(directory / "mail", _COUNT)]
        with console(place) as terminal:
            cpu_s = terminal.cpu_s()
            moves = [terminal.answer("jk"[number // 10 % 2]) for number in range(times)]
            cpu_ms = (terminal.cpu_s() - cpu_s) / times * 1000
            pages = _each(terminal, "\x06", setting.times(20))
    note = f"{times} keys; {cpu_ms:.1f} ms of processor time each, idling included"
    return {
        "j": Figure(median(each.last_ms for each in moves), note, tuple(ms for ms, _ in beside)),
        "j-p95": Figure(percentile((each.last_ms for each in moves), 0.95), f"{times} keys"),
        "j-bytes": Figure(
            median(each.size for each in moves), f"{times} keys", tuple(size for _, size in beside)
        ),
        "page-bytes": Figure(median(each.size for each in pages), f"{len(pages)} keys"),
    }


def _list_alone(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(20)
    with setting.directory() as directory:
        place = Place(directory / "desk")
        make_queue(place.data, _COUNT)
        with console(place) as terminal:
            terminal.answer("p")
            inside = [terminal.answer("jk"[number // 10 % 2]) for number in range(times)]
            for _ in range(30):
                terminal.answer("j", quiet_s=0.05)
            screenful = [terminal.answer("j") for _ in range(30)]
            pages = _each(terminal, "\x06", setting.times(20))
    return {
        "j-list-bytes": Figure(median(each.size for each in inside), f"{times} keys"),
        "j-edge-bytes": Figure(sum(each.size for each in screenful) / 30, "mean of 30 keys, a screenful"),
        "page-list-bytes": Figure(median(each.size for each in pages), f"{len(pages)} keys"),
    }


def _bursts(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(10)
    with setting.directory() as directory:
        place = Place(directory / "desk")
        make_queue(place.data, _COUNT)
        at_once, followed = [], []
        with console(place) as terminal:
            for _ in range(times):
                terminal.answer("g")
                at_once.append(terminal.answer("j" * _BURST, quiet_s=0.3).last_ms)
                assert cursor(terminal.text) == _BURST + 1, terminal.text
            for _ in range(times):
                terminal.answer("g")
                for _ in range(9):
                    terminal.press("j")
                    time.sleep(0.03)
                followed.append(terminal.answer("j").last_ms)
    return {
        "burst": Figure(median(at_once), f"median of {times}"),
        "follow": Figure(median(followed), f"after 10 keys 30 ms apart; median of {times}"),
    }


def _deciding(setting: Setting) -> Mapping[str, Figure]:
    times = setting.times(30)
    with setting.directory() as directory:
        place = Place(directory / "desk", "hold_s = 600\n" + _SHOP)
        make_queue(place.data, _COUNT)
        answers = []
        with console(place) as terminal:
            for number in range(times):
                time.sleep(0.4 + number % 7 * 0.03)  # at another moment of the console's own second each time
                answers.append(terminal.answer("a", quiet_s=0.05))
        decided = sum(1 for _ in Log(place.data).records())
    assert decided == times, f"{decided} of {times} decisions were logged"
    p95 = percentile((each.last_ms for each in answers), 0.95)
    note = f"{times} decisions, each logged; p95 {p95:.0f} ms; {median(each.size for each in answers):,.0f} bytes"
    return {"decide": Figure(median(each.last_ms for each in answers), note)}


_SHOP = '[endpoints.shop]\nkind = "rest"\nurl = "http://127.0.0.1:9"\npoll_s = 600\n'

PARTS = (
    Part(
        "keys",
        (
            Row("j", "`j` after a pause, list and item, to the last byte", 12, "ms"),
            Row("j-p95", "the same, 95 of 100", 25, "ms"),
            Row("j-bytes", "bytes of it", 2500, "bytes"),
            Row("page-bytes", "bytes of a page down, list and item", 5500, "bytes"),
        ),
        _with_pane,
    ),
    Part(
        "list",
        (
            Row("j-list-bytes", "bytes of a `j`, list alone", 300, "bytes"),
            Row("j-edge-bytes", "bytes of a `j` at the list's edge, over a screenful", 600, "bytes"),
            Row("page-list-bytes", "bytes of a page down, list alone", 4000, "bytes"),
        ),
        _list_alone,
    ),
    Part(
        "bursts",
        (
            Row("burst", "200 `j` at once: right and quiet", 200, "ms"),
            Row("follow", "the item after the last key of a burst", 52, "ms"),
        ),
        _bursts,
    ),
    Part("decide", (Row("decide", "a decision: key to fsynced and painted", 25, "ms"),), _deciding),
)
