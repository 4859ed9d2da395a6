"""The life of a worker process: take a job, run it, answer, until the owner hangs up."""

from __future__ import annotations

import faulthandler
import functools
import gc
import importlib
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from ingestkit_core import progress
from ingestkit_core.execution import lifeline, wire
from ingestkit_core.execution.answer import answer, job_path
from ingestkit_core.execution.words import Words, words_path

__all__ = ["main", "serve", "settle"]

_TOKEN_BYTES = 32
_YOUNG_OBJECTS = 20_000


def settle() -> None:
    """Make this process a worker: deaf to Ctrl-C, no core files, first to go when the system runs short."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable(2)
    # Readers make a great many objects and hardly a cycle: looking for them after every 700 costs a tenth of the time.
    gc.set_threshold(_YOUNG_OBJECTS)
    if os.name != "posix":
        return
    import resource

    # A core file of a gigabyte would delay the death, and the batch with it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def serve(channel: socket.socket, directory: str, serial: int, words: Words) -> None:
    """Answer the jobs of a pool whose directory this is, until the owner hangs up."""
    channel.sendall(wire.frame(wire.HELLO, serial))
    reader = wire.FrameReader()
    while data := channel.recv(wire.MAX_FRAME_BYTES):
        for message in reader.feed(data):
            progress.assign_report(functools.partial(_note, channel, message.number))
            channel.sendall(answer(message, job_path(directory, message.number), words))
            words.pass_on()


def _note(channel: socket.socket, number: int, stage: progress.Stage, done: int, total: int) -> None:
    channel.sendall(wire.frame(wire.NOTE, number, json.dumps((stage, done, total)).encode()))


def main(boot: dict[str, Any]) -> None:
    """The start of a worker that was not forked: tie it to its owner, import, connect, serve."""
    settle()
    sys.argv = [""]
    words = Words(words_path(boot["directory"], f"worker-{boot['serial']}"), None)
    words.catch()
    life = os.dup(0)
    token = _read_token(life)
    _close_stdin()
    lifeline.watch(life)
    for name in boot["preload"]:
        importlib.import_module(name)
    channel = socket.create_connection(("127.0.0.1", boot["port"]))
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel.sendall(token + int(boot["serial"]).to_bytes(8, "little"))
    with suppress(ConnectionError):
        serve(channel, boot["directory"], boot["serial"], words)
    os._exit(0)


def _read_token(fd: int) -> bytes:
    token = b""
    while len(token) < _TOKEN_BYTES:
        data = os.read(fd, _TOKEN_BYTES - len(token))
        if not data:
            os._exit(1)
        token += data
    return token


def _close_stdin() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
