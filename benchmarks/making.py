"""Queues and logs of any size, the same for the same seed: what a busy team's desk would hold."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from triage.model.decision import Decision, Verdict
from triage.model.item import Action, Item, ItemKind, Verb
from triage.model.likeness import proposal_of
from triage.store import log as store_log
from triage.store.encoding import encode
from triage.store.events import DECIDED, DELIVERY, Event
from triage.store.files import OS
from triage.store.head import HEAD_NAME, NOTHING, HeadFile, Position
from triage.store.payloads import new_payload, reference
from triage.store.queue import Queue
from triage.store.segments import FORMAT, TAB, VERSION, Header, line_hash, segment_path

__all__ = ["Place", "item", "make_log", "make_queue"]

_SEED = 7
_SEGMENT_BYTES = 16 << 20
_WORDS = (
    "order customer refund parcel invoice account broken delivery partial discount twice asked since "
    "warehouse label returned paid card holiday northern branch apology please confirm before friday"
).split()


class Place:
    """A place to work in: a configuration, a data directory, and the environment that names them."""

    def __init__(self, directory: Path, config: str = "") -> None:
        self.directory = directory
        self.data = directory / "data"
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.configure(
            config or '[endpoints.shop]\nkind = "rest"\nurl = "http://127.0.0.1:9"\npoll_s = 600\n'
        )

    def configure(self, text: str) -> None:
        """Write the configuration."""
        path = self.directory / "config.toml"
        path.write_text(text)
        path.chmod(0o600)

    @property
    def env(self) -> dict[str, str]:
        """A plain terminal of 256 colours, and where everything is."""
        root = Path(__file__).parents[1]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "PYTHONPATH": str(root),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TRIAGE_CONFIG": str(self.directory / "config.toml"),
            "TRIAGE_DATA": str(self.data),
            "TRIAGE_OPERATOR": "ann",
        }

    @property
    def command(self) -> list[str]:
        """The program."""
        return [sys.executable, "-m", "triage"]


def item(number: int, endpoint: str = "shop", *, now: datetime | None = None) -> Item:
    """Item ``number``: about 1 KB as JSON, one of four sorts of action."""
    chance = random.Random(_SEED * 1_000_003 + number)
    name, arguments = _ACTIONS[number % len(_ACTIONS)](number, chance)
    return Item(
        endpoint=endpoint,
        key=f"q-{number}",
        kind=ItemKind.APPROVAL,
        title=f"{name.replace('_', ' ').capitalize()} {number}: {_words(chance, 4)}",
        verbs=(Verb.APPROVE, Verb.EDIT, Verb.REJECT),
        agent=("billing", "mailer", "deployer", "reporter")[number % 4],
        description=_words(chance, 24),
        actions=(Action(name, arguments),),
        created_at=(now or datetime.now(UTC)) - timedelta(seconds=60 + number),
        locator={"version": f"v{number}"},
    )


def _refund(number: int, chance: random.Random) -> tuple[str, dict[str, object]]:
    return "refund", {
        "order": f"A-{number:07}",
        "cents": chance.randrange(100, 90_000),
        "customer": {"id": chance.randrange(10**8), "name": _words(chance, 2), "since": 2015 + number % 9},
        "reason": _words(chance, 60),
        "partial": number % 2 == 0,
    }


def _mail(number: int, chance: random.Random) -> tuple[str, dict[str, object]]:
    return "send_mail", {
        "to": [f"customer{chance.randrange(10**6)}@example.com"],
        "subject": _words(chance, 6).capitalize(),
        "body": "\n\n".join(f"{_words(chance, 18).capitalize()}." for _ in range(4)),
    }


def _deploy(number: int, chance: random.Random) -> tuple[str, dict[str, object]]:
    rows = [
        f"-  replicas: {number % 7}",
        f"+  replicas: {number % 7 + 1}",
        f"   image: app:{chance.randrange(999)}",
    ]
    rows += [f"   # {_words(chance, 8)}" for _ in range(8)]
    return "deploy", {
        "service": f"{chance.choice(_WORDS)}-api",
        "commit": f"{chance.getrandbits(160):040x}",
        "diff": "--- a/deploy.yaml\n+++ b/deploy.yaml\n@@ -1,10 +1,11 @@\n" + "\n".join(rows) + "\n",
        "steps": [
            {"name": step, "timeout_s": chance.randrange(10, 900)} for step in ("build", "test", "roll")
        ],
    }


def _query(number: int, chance: random.Random) -> tuple[str, dict[str, object]]:
    columns = ",\n       ".join(chance.sample(_WORDS, 6))
    return "run_sql", {
        "database": "shop",
        "sql": f"SELECT {columns}\n  FROM orders\n WHERE id > {chance.randrange(10**6)}\n ORDER BY 1\n LIMIT 500;",
        "why": _words(chance, 40),
        "read_only": True,
    }


_ACTIONS = (_refund, _mail, _deploy, _query)


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(_WORDS, k=count))


def make_queue(data: Path, count: int, endpoint: str = "shop", first: int = 0) -> None:
    """Have ``count`` items wait, as after a poll."""
    now = datetime.now(UTC)
    queue = Queue(data)
    queue.sync(endpoint, [item(number, endpoint, now=now) for number in range(first, first + count)], now)
    queue.close()


# -- the log ----------------------------------------------------------------------------------------


def make_log(data: Path, decisions: int, endpoint: str = "shop") -> None:
    """Have ``decisions`` logged, each confirmed: four events and a payload, as the program writes them.

    Numbers below zero name their items, so that none of them waits in a queue of ``make_queue``.
    """
    directory = store_log.log_directory(data)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    chain = _Chain(directory)
    start = datetime.now(UTC) - timedelta(seconds=2 * decisions)
    for number in range(decisions):
        for fields, payload in _way(number, endpoint, start + timedelta(seconds=number)):
            chain.add(fields, payload)
    chain.end()


def _way(number: int, endpoint: str, at: datetime) -> Iterator[tuple[dict[str, object], bytes]]:
    """One decision from its key to its proof: events, and their payloads."""
    one = item(-1 - number, endpoint, now=at)
    decision = Decision(
        id=f"{number:026d}",
        item_id=one.id,
        endpoint=endpoint,
        revision=one.revision,
        verdicts=(Verdict(Verb.APPROVE if number % 5 else Verb.REJECT, reason="as asked"),),
        operator="ann",
        at=at,
        hold_s=5.0,
    )
    ids = {"item_id": one.id, "endpoint": endpoint, "decision_id": decision.id}
    verbs = tuple(verdict.verb for verdict in decision.verdicts)
    payload = new_payload(decision, one)
    yield {
        "type": DECIDED, "at": at, **ids, "operator": "ann", "revision": decision.revision,
        "verbs": verbs, "proposal": proposal_of(one), "hold_s": 5.0, "payload": reference(payload),
    }, payload  # fmt: skip
    for state, effect in (("sending", ""), ("sent", ""), ("confirmed", "done as decided")):
        fields = {"at": at + timedelta(seconds=5), **ids, "state": state, "effect": effect}
        yield {"type": DELIVERY, **fields}, b""


class _Chain:
    """Writes segments in large pieces."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segment = 0
        self._seq = 0
        self._hash = NOTHING
        self._lines: list[bytes] = []
        self._bytes = 0
        self._begin()

    def add(self, fields: dict[str, object], payload: bytes) -> None:
        """The next event, in a new segment where one is due."""
        if self._bytes > _SEGMENT_BYTES:
            self._write()
            self._begin()
        self._seq += 1
        self._line(encode(Event(seq=self._seq, previous=self._hash, **fields)), payload)  # type: ignore[arg-type]

    def end(self) -> None:
        """The rest, and the head that names the end."""
        count = len(self._lines)
        self._write()
        at = Position(self._segment, count, self._bytes, self._seq, self._hash)
        HeadFile(self._directory / HEAD_NAME, OS).create(at)

    def _begin(self) -> None:
        before = self._bytes
        self._segment += 1
        self._bytes = 0
        self._line(encode(Header(FORMAT, VERSION, self._segment, self._hash, before, datetime.now(UTC))))

    def _line(self, text: bytes, payload: bytes = b"") -> None:
        self._hash = line_hash(text)
        self._lines.append((text + TAB + payload if payload else text) + b"\n")
        self._bytes += len(self._lines[-1])

    def _write(self) -> None:
        path = segment_path(self._directory, self._segment)
        path.touch(mode=0o600)
        path.write_bytes(b"".join(self._lines))
        self._lines = []
