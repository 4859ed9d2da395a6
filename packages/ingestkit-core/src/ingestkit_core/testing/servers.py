"""Brokers for tests: a private Redis or RabbitMQ on 127.0.0.1, its files below a folder of the test.

Each is a context manager with a ``url``; it can be killed and started again on the same port and files. Nothing
is left: a server is ended by the ids of its own processes.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from ingestkit_core.testing.ending import ending_with_us

__all__ = ["RabbitServer", "RedisServer", "free_ports", "is_installed"]

_START_SECONDS = 180.0
_SERVER_PORTS = range(10_240, 32_768)
"""Below those that the system gives to clients."""


def is_installed(command: str) -> bool:
    """Whether a server's command is there (Debian keeps RabbitMQ's outside an ordinary PATH)."""
    return _path_of(command) is not None


def _path_of(command: str) -> str | None:
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now, and no client is given meanwhile."""
    # Not those the system gives (bind to 0): until the server listens, any connection may get the same, and one that
    # asks again and again for a server that is down may be connected with itself.
    chosen: list[int] = []
    for port in random.SystemRandom().sample(_SERVER_PORTS, 1000):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise RuntimeError("no port is free")


class _Server(ABC):
    """A process that listens on ``port``."""

    address = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is reached."""

    @property
    def pid(self) -> int | None:
        """The process that was started, while it runs."""
        return self._process.pid if self._process is not None else None

    @abstractmethod
    def start(self) -> None:
        """Start it, on what it had; returns when it answers."""

    def kill(self) -> None:
        """End it without a word, as a power cut would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and what it needed. Idempotent."""
        self.kill()

    def _spawn(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        with open(self.folder / "output", "ab") as output:
            self._process = ending_with_us(
                subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1):
                return
            time.sleep(0.05)
        words = (self.folder / "output").read_text(errors="replace")[-2000:]
        self.close()
        raise RuntimeError(f"{type(self).__name__} did not start: {words}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class RedisServer(_Server):
    """A Redis that writes its append-only file."""

    @property
    def url(self) -> str:
        return f"redis://{self.address}:{self.port}/0"

    def start(self) -> None:
        command = _path_of("redis-server")
        assert command is not None, "apt-get install redis-server"
        options = {
            "port": str(self.port),
            "bind": self.address,
            # Bound to what the test says, nobody else is meant.
            "protected-mode": "no",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
        }
        self._spawn([command, *[word for name, value in options.items() for word in (f"--{name}", value)]])
        self._wait_for_port()
        self._wait_until_loaded()

    def _wait_until_loaded(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
            time.sleep(0.05)


class RabbitServer(_Server):
    """A RabbitMQ node of its own, with an epmd of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._epmd_port, self._dist_port = free_ports(2)
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"ingestkit{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            # One scheduler that does not spin: several of these may share a machine of two cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def start(self) -> None:
        (self.folder / "rabbitmq.conf").write_text("consumer_timeout = 3600000\n")
        (self.folder / "plugins").write_text("[].\n")
        environment = self._environment()
        self._start_epmd(environment)
        command = self._command()
        self._spawn(command, environment)
        self._wait_for_port()

    def _command(self) -> list[str]:
        # Debian's command is a script that insists on its own user; the one inside does not.
        found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
        command = str(found[-1]) if found else _path_of("rabbitmq-server")
        assert command is not None, "apt-get install rabbitmq-server"
        return [command]

    def _start_epmd(self, environment: dict[str, str]) -> None:
        if self._epmd is None:
            epmd = _path_of("epmd")
            assert epmd is not None, "apt-get install erlang-base"
            nothing = subprocess.DEVNULL
            self._epmd = ending_with_us(
                subprocess.Popen([epmd], env=environment, stdin=nothing, stdout=nothing, stderr=nothing)
            )
            _wait_for_port(self._epmd_port)

    def close(self) -> None:
        """See _Server."""
        super().close()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
