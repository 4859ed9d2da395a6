"""The template: a process that imports everything once and from then on only forks workers.

Started afresh by the owner (never forked from it: a lock held by one of the owner's threads would stay locked
for ever), it imports the modules to preload, tells the owner that it is ready, and forks one worker for each
request. The request carries the two descriptors that are the worker's own: its channel and its lifeline. The
owner is not the parent of the workers, so the template reports how each of them ended.

    owner ── serial (+ channel, lifeline) ──► template ── READY, FORKED, ENDED ──► owner
                                                 └─ fork ─► worker

When the owner is gone, the template ends what is left, removes the pool's directory and goes too.
"""

from __future__ import annotations

import gc
import importlib
import os
import selectors
import shutil
import signal
import socket
import struct
import sys
import warnings
from contextlib import suppress
from typing import Any, NoReturn

from ingestkit_core.execution import lifeline, worker
from ingestkit_core.execution.words import Words, words_path

__all__ = ["ENDED", "FORKED", "READY", "REPORT", "REQUEST", "main"]

READY, FORKED, ENDED = range(3)
REQUEST = struct.Struct("<Q")
"""A worker's serial number; channel and lifeline come with it."""
REPORT = struct.Struct("<BQqqq")
"""Kind, serial, process id, exit code (a negative one is a signal), largest resident size in getrusage's unit."""


def main(boot: dict[str, Any]) -> NoReturn:
    """Run the template until the owner hangs up. ``boot`` is what the owner's launcher put together."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.argv = [""]
    guard = boot["lifeline"]
    if sys.platform == "linux":
        lifeline.hold(guard)
    for name in boot["preload"]:
        importlib.import_module(name)
    # From here on the template notices its owner's end by itself, and tidies up.
    os.close(guard)
    # Collected garbage would dirty the pages that all workers share.
    gc.collect()
    gc.freeze()
    # Python warns of forking with threads; libraries start some on import, and nothing else runs here.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
    _Template(socket.socket(fileno=boot["channel"]), boot["directory"], boot["stderr"]).run()


class _Template:
    def __init__(self, channel: socket.socket, directory: str, stderr: int | None) -> None:
        self._channel = channel
        self._directory = directory
        self._stderr = stderr
        self._serials: dict[int, int] = {}
        self._alarm, self._bell = socket.socketpair()
        self._alarm.setblocking(False)
        self._bell.setblocking(False)

    def run(self) -> NoReturn:
        signal.signal(signal.SIGCHLD, lambda number, where: None)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        selector = selectors.DefaultSelector()
        selector.register(self._channel, selectors.EVENT_READ, self._take_request)
        selector.register(self._alarm, selectors.EVENT_READ, self._take_deaths)
        self._report(READY)
        while True:
            for key, _ in selector.select():
                key.data()

    def _report(self, kind: int, serial: int = 0, pid: int = 0, code: int = 0, peak: int = 0) -> None:
        with suppress(OSError):  # the owner is gone: the next read says so
            self._channel.sendall(REPORT.pack(kind, serial, pid, code, peak))

    def _take_request(self) -> None:
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        try:
            data, fds, _, _ = socket.recv_fds(self._channel, REQUEST.size, 2, flags)
        except OSError:
            data, fds = b"", []
        if len(data) < REQUEST.size or len(fds) != 2:
            self._leave()
        (serial,) = REQUEST.unpack(data)
        for fd in fds:
            os.set_inheritable(fd, False)
        pid = os.fork()
        if pid == 0:
            self._become_worker(serial, *fds)
        for fd in fds:
            os.close(fd)
        self._serials[pid] = serial
        with suppress(OSError):
            os.setpgid(pid, pid)
        self._report(FORKED, serial, pid)

    def _become_worker(self, serial: int, channel: int, life: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for inherited in (self._channel, self._alarm, self._bell):
                inherited.close()
            with suppress(OSError):
                os.setpgid(0, 0)
            lifeline.hold(life)
            words = Words(words_path(self._directory, f"worker-{serial}"), self._stderr)
            words.catch()
            worker.settle()
            worker.serve(socket.socket(fileno=channel), self._directory, serial, words)
            code = 0
        except BaseException:  # noqa: BLE001 - outermost: the words are all the owner gets to see
            sys.excepthook(*sys.exc_info())
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            # No clean-up of the template's may run in its child.
            os._exit(code)

    def _take_deaths(self) -> None:
        with suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass
        while self._serials:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._bury(pid, status, usage.ru_maxrss)

    def _bury(self, pid: int, status: int, peak: int) -> None:
        serial = self._serials.pop(pid, None)
        if serial is None:
            return
        _kill_group(pid)
        self._report(ENDED, serial, pid, os.waitstatus_to_exitcode(status), peak)

    def _leave(self) -> NoReturn:
        for pid in self._serials:
            _kill_group(pid)
        for pid in self._serials:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        shutil.rmtree(self._directory, ignore_errors=True)
        os._exit(0)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
