"""The launcher for every system: an interpreter for each worker, which connects back. In the owner.

    owner ── token on stdin ──► worker ── connects to 127.0.0.1, sends token and serial ──► owner

The worker's stdin stays open as its lifeline. The token proves that a connection comes from a process that the
owner started: what a worker sends is unpickled in the owner.
"""

from __future__ import annotations

import hmac
import os
import secrets
import selectors
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from ingestkit_core.execution.causes import Exit
from ingestkit_core.execution.launch import Ended, Event, Line, Started, environment, interpreter, kill_group
from ingestkit_core.execution.words import words_path

__all__ = ["SpawningLauncher"]

_TOKEN_BYTES = 32
_SERIAL_BYTES = 8


class SpawningLauncher:
    """Workers that cost an interpreter's start and all imports each."""

    reports_ends = False

    def __init__(self, directory: str, preload: Sequence[str]) -> None:
        self._directory = directory
        self._preload = list(preload)
        self._token = secrets.token_bytes(_TOKEN_BYTES)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._strangers: dict[socket.socket, bytes] = {}
        self._events: list[Event] = []

    def watch(self, selector: selectors.BaseSelector, follow: Callable[[], None]) -> None:
        """Register the listener."""
        self._selector = selector
        self._follow = follow
        selector.register(self._listener, selectors.EVENT_READ, follow)

    def start(self, serial: int) -> Line:
        """Start an interpreter; its channel comes with a later event."""
        boot = {
            "port": self._listener.getsockname()[1],
            "serial": serial,
            "directory": self._directory,
            "preload": self._preload,
        }
        with open(words_path(self._directory, f"worker-{serial}"), "wb") as words:
            process = subprocess.Popen(
                interpreter("worker", boot),
                stdin=subprocess.PIPE,
                stdout=words,
                stderr=words,
                env=environment(),
                process_group=0 if os.name == "posix" else None,
            )
        assert process.stdin is not None
        with suppress(OSError):  # it died already: poll() tells
            process.stdin.write(self._token)
            process.stdin.flush()
        self._processes[serial] = process
        self._events.append(Started(serial, process.pid))
        return Line()

    def poll(self) -> list[Event]:
        """Let workers in and look who ended."""
        events, self._events = self._events, []
        self._accept()
        events += self._introduced()
        for serial, process in list(self._processes.items()):
            if process.poll() is not None:
                events.append(Ended(serial, Exit(process.returncode)))
                self._tidy(self._processes.pop(serial))
        return events

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                stranger, _ = self._listener.accept()
                stranger.setblocking(False)
                stranger.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._strangers[stranger] = b""
                self._selector.register(stranger, selectors.EVENT_READ, self._follow)

    def _introduced(self) -> list[Event]:
        events: list[Event] = []
        for stranger, said in list(self._strangers.items()):
            try:
                data = stranger.recv(_TOKEN_BYTES + _SERIAL_BYTES - len(said))
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            said += data
            self._strangers[stranger] = said
            if data and len(said) < _TOKEN_BYTES + _SERIAL_BYTES:
                continue
            self._selector.unregister(stranger)
            del self._strangers[stranger]
            serial = int.from_bytes(said[_TOKEN_BYTES:], "little")
            if hmac.compare_digest(said[:_TOKEN_BYTES], self._token) and serial in self._processes:
                events.append(Started(serial, self._processes[serial].pid, stranger))
            else:
                stranger.close()
        return events

    def kill(self, pid: int) -> None:
        """SIGKILL to the worker's process group; on Windows the worker alone."""
        if os.name == "posix":
            kill_group(pid)
            return
        for process in self._processes.values():
            if process.pid == pid:
                process.kill()

    def close(self) -> None:
        """Kill and wait."""
        for process in self._processes.values():
            self.kill(process.pid)
        for process in self._processes.values():
            process.wait()
            self._tidy(process)
        self._processes.clear()
        self._selector.unregister(self._listener)
        self._listener.close()
        for stranger in self._strangers:
            self._selector.unregister(stranger)
            stranger.close()

    def _tidy(self, process: subprocess.Popen[bytes]) -> None:
        if os.name == "posix":
            kill_group(process.pid)  # what it started
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()

    def forget(self) -> None:
        """Close what a fork of the owner inherited."""
        self._listener.close()
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        for stranger in self._strangers:
            stranger.close()
