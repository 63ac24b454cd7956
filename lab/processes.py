"""Programs in namespaces: started in a process group of their own, given a deadline, ended by that group's id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from topology import inside


class Process:
    """One running program; `say` writes a line to its input."""

    def __init__(self, name: str, running: asyncio.subprocess.Process) -> None:
        self.name = name
        self._running = running

    @property
    def alive(self) -> bool:
        """Return whether the program has not ended yet."""
        return self._running.returncode is None

    def say(self, line: str) -> None:
        """Write a line to the program's input, if it still listens."""
        if self._running.stdin and self.alive and not self._running.stdin.is_closing():
            with contextlib.suppress(ConnectionError):
                self._running.stdin.write(line.encode() + b"\n")

    async def wait(self, timeout_s: float) -> int | None:
        """Wait for the end of the program; end it at the deadline. Return its status, None if it had to be ended."""
        try:
            return await asyncio.wait_for(self._running.wait(), timeout_s)
        except TimeoutError:
            await self.stop()
            return None

    async def stop(self, first: signal.Signals = signal.SIGTERM) -> None:
        """End the program and what it started: politely, then after two seconds by force."""
        for number, patience_s in ((first, 2.0), (signal.SIGKILL, 2.0)):
            if not self.alive:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._running.wait(), patience_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running.pid, signal.SIGKILL)


async def start(namespace: str, name: str, command: str, log: Path, *, feed: bool = False) -> Process:
    """Run a shell command in a namespace; what it prints goes to a log, what it drops lands beside the log."""
    with log.open("ab") as sink:
        running = await asyncio.create_subprocess_exec(
            *inside(namespace, "sh", "-c", command),
            stdin=asyncio.subprocess.PIPE if feed else asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd=log.parent,
            start_new_session=True,
        )
    return Process(name, running)


async def run(namespace: str, name: str, command: str, log: Path, timeout_s: float) -> int | None:
    """Run a shell command in a namespace to its end or its deadline; return its status."""
    process = await start(namespace, name, command, log)
    try:
        return await process.wait(timeout_s)
    except asyncio.CancelledError:
        await process.stop()
        raise
