"""The launcher for POSIX: workers forked by a template process. In the owner.

The template is started with the first worker, and again when it died.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from ingestkit_core.execution import memory, template
from ingestkit_core.execution.causes import Exit
from ingestkit_core.execution.launch import (
    Ended,
    Event,
    Line,
    Lost,
    Started,
    environment,
    interpreter,
    kill_group,
)
from ingestkit_core.execution.words import last_words, words_path

__all__ = ["ForkingLauncher"]

_END_SECONDS = 5.0


class ForkingLauncher:
    """Workers that cost milliseconds, whatever is preloaded."""

    reports_ends = True

    def __init__(self, directory: str, preload: Sequence[str]) -> None:
        self._directory = directory
        self._preload = list(preload)
        self._words_path = words_path(directory, "template")
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._lifeline: int | None = None
        self._ready = False
        self._unread = b""

    def watch(self, selector: selectors.BaseSelector, follow: Callable[[], None]) -> None:
        """Register the template's channel, now and whenever there is a new one."""
        self._selector = selector
        self._follow = follow

    def start(self, serial: int) -> Line:
        """Send the template a request, with the worker's ends of its channel and its lifeline."""
        channel = self._channel or self._start_template()
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        try:
            # If the template has just died, poll() finds out and the pool starts afresh.
            with suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(channel, [template.REQUEST.pack(serial)], [theirs.fileno(), read_end])
        except OSError:
            ours.close()
            os.close(write_end)
            raise
        finally:
            theirs.close()
            os.close(read_end)
        return Line(ours, write_end)

    def _start_template(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        read_end, self._lifeline = os.pipe()
        stderr = _duplicate_of_stderr()
        passed = [fd for fd in (theirs.fileno(), read_end, stderr) if fd is not None]
        boot = {
            "channel": theirs.fileno(),
            "lifeline": read_end,
            "stderr": stderr,
            "directory": self._directory,
            "preload": self._preload,
        }
        try:
            with open(self._words_path, "wb") as words:
                self._process = subprocess.Popen(
                    interpreter("template", boot),
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    env=environment(),
                    pass_fds=passed,
                    process_group=0,
                )
        except OSError:
            ours.close()
            self._close_lifeline()
            raise
        finally:
            theirs.close()
            for fd in passed[1:]:
                os.close(fd)
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, self._follow)
        self._channel, self._ready, self._unread = ours, False, b""
        return ours

    def poll(self) -> list[Event]:
        """Read the template's reports."""
        if self._channel is None:
            return []
        try:
            data = self._channel.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        return self._events(self._unread + data) if data else [self._lose()]

    def _events(self, data: bytes) -> list[Event]:
        whole = len(data) - len(data) % template.REPORT.size
        self._unread = data[whole:]
        events: list[Event] = []
        for kind, serial, pid, code, peak in template.REPORT.iter_unpack(data[:whole]):
            if kind == template.READY:
                self._ready = True
            elif kind == template.FORKED:
                events.append(Started(serial, pid))
            else:
                events.append(Ended(serial, Exit(code, peak * memory.peak_unit_bytes())))
        return events

    def _lose(self) -> Lost:
        self._disconnect()
        exit = Exit(self._end_process())
        return Lost(last_words(self._words_path) or f"the template ended: {exit}")

    def _end_process(self) -> int | None:
        if self._process is None:
            return None
        kill_group(self._process.pid)
        code = self._process.wait()
        self._process = None
        return code

    def _disconnect(self) -> None:
        if self._channel is not None:
            self._selector.unregister(self._channel)
            self._channel.close()
            self._channel = None
        self._close_lifeline()

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def kill(self, pid: int) -> None:
        """SIGKILL to the worker's process group."""
        kill_group(pid)

    def close(self) -> None:
        """Hang up: a template that is ready ends its workers, removes the directory and goes."""
        self._disconnect()
        if self._process is not None and self._ready:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        self._end_process()

    def forget(self) -> None:
        """Close what a fork of the owner inherited. The selector is shared with the owner: hands off."""
        if self._channel is not None:
            self._channel.close()
        self._close_lifeline()


def _duplicate_of_stderr() -> int | None:
    try:
        return os.dup(2)
    except OSError:
        return None
