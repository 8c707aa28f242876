"""Giving something to a program of the operator's: a shell command with data on its standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess

__all__ = ["PIPE_TIMEOUT_S", "pipe", "pipe_trouble"]

PIPE_TIMEOUT_S = 30.0
MAX_PIPE_BYTES = 1 << 20
"""What a program prints beyond this is read and dropped."""
_MOST_TOLD = 200


async def pipe(command: str, data: bytes, timeout_s: float = PIPE_TIMEOUT_S) -> tuple[int, str]:
    """Run a shell command with ``data`` on its input; exit status and what it printed.

    Raises TimeoutError, once all that it started is killed, and OSError where it cannot be started.
    """
    process = await asyncio.create_subprocess_shell(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_s):
            printed, _, status = await asyncio.gather(_read(process), _feed(process, data), process.wait())
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return status, printed.decode(errors="replace")


async def pipe_trouble(command: str, data: bytes, timeout_s: float = PIPE_TIMEOUT_S) -> str:
    """The same; why it failed, in words: empty when it ended well."""
    try:
        status, printed = await pipe(command, data, timeout_s)
    except TimeoutError:
        return f"{command} did not end within {timeout_s:g} s and was stopped"
    except OSError as error:
        return f"{command} cannot be started: {error.strerror}"
    if status == 0:
        return ""
    told = " ".join(printed.split())[-_MOST_TOLD:]
    return f"{command} ended with status {status}" + (f": {told}" if told else "")


async def _read(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - asked for above
    kept = bytearray()
    while chunk := await process.stdout.read(1 << 16):
        kept += chunk[: MAX_PIPE_BYTES - len(kept)]
    return bytes(kept)


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Give it the data; a program that reads none of it is no fault."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
