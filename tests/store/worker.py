"""Another process on a store. Run as a module it carries out commands, one a line of its standard input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tinydb import where
from tinydb.operations import increment

from triage.store.database import Database, JournalStorage
from triage.store.lock import StoreLock

ROOT = Path(__file__).parents[2]


class Worker:
    """That process, as a test sees it."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.worker", str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask("ready")

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, command: str, *arguments: Any) -> Any:
        """Have a command carried out; what it returns."""
        self.begin(command, *arguments)
        return self.answer()

    def begin(self, command: str, *arguments: Any) -> None:
        """Send a command without waiting for its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """What the command begun last returns."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the worker has ended"
        return json.loads(line)

    def stop(self) -> None:
        """Stop it as ctrl+z does, and see that it is."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, and wait for the end of it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _commands(path: Path) -> dict[str, Callable[..., Any]]:
    database = Database(path, sync=False)
    storage = database.storage
    assert isinstance(storage, JournalStorage)
    held = StoreLock(path.with_name(path.name + ".lock"))

    def upsert_many(names: list[str]) -> None:
        for name in names:
            database.upsert({"name": name}, where("name") == name)

    def insert_many(documents: list[dict[str, Any]]) -> list[int]:
        return [database.insert(document) for document in documents]

    def increment_many(doc_id: int, times: int) -> None:
        for _ in range(times):
            database.update(increment("n"), doc_ids=[doc_id])  # type: ignore[no-untyped-call]

    return {
        "ready": lambda: True,
        "hold": lambda: bool(held.__enter__()),
        "free": lambda: held.__exit__(None, None, None),
        "insert": database.insert,
        "insert many": insert_many,
        "insert all": database.insert_multiple,
        "upsert many": upsert_many,
        "increment": increment_many,
        "update": lambda fields, doc_id: database.update(fields, doc_ids=[doc_id]),
        "remove": lambda doc_id: database.remove(doc_ids=[doc_id]),
        "drop": database.drop_table,
        "count": lambda field, value: database.count(where(field) == value),
        "all": lambda: [[document.doc_id, document] for document in database.all()],
    }


def main() -> None:
    commands = _commands(Path(sys.argv[1]))
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(commands[name](*arguments)), flush=True)


if __name__ == "__main__":
    main()
