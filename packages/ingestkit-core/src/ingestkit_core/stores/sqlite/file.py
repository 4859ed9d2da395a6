"""Connections to the store's file: one that writes, some that read. Errors are translated here.

Nothing is created before the first write. WAL needs memory shared between its users, so network file systems
are refused.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.stores.files import network_file_system
from ingestkit_core.stores.lease import Lease
from ingestkit_core.stores.sqlite import schema

__all__ = ["StoreFile", "commits"]

_BUSY_TIMEOUT_SECONDS = 30.0
_CREATION_LOOK_SECONDS = 0.05
_GLANCE_SECONDS = 0.05
_CACHE_KIBIBYTES = 16 * 1024
"""Each table that is made has SQLite read the CREATE statements of all: 10,000 of them are 5 MiB."""

_COUNT_COMMIT = (
    "INSERT INTO settings VALUES ('commits', '1') ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
)


class StoreFile:
    """The file of an embedded store. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._write_lock = _write_lock(path)
        self._writer: sqlite3.Connection | None = None
        self._noter: sqlite3.Connection | None = None
        self._readers: list[sqlite3.Connection] = []
        self._lease: Lease | None = None
        self._closed = False
        self._has_schema = False
        if path.is_dir():
            raise StoreError(ErrorCode.E_STORE_INVALID, f"{path} is a folder; a store is a file")
        if path.exists():
            with self.translated():
                self._keep(self.open_reader())

    @property
    def exists(self) -> bool:
        """Whether anything was ever committed here: a disk that was full at the start leaves an empty file."""
        if not self._has_schema and self.path.exists() and self.path.stat().st_size > 0:
            with self.translated():
                self._keep(self.open_reader())
        return self._has_schema

    def close(self) -> None:
        """Close every connection and let go of the lease."""
        with self._write_lock, self._lock:
            self._closed = True
            connections = [*self._readers, self._writer, self._noter]
            self._readers, self._writer, self._noter = [], None, None
            for connection in connections:
                if connection is not None:
                    connection.close()
            if self._lease is not None:
                self._lease.__exit__()
                self._lease = None

    @contextmanager
    def translated(self) -> Iterator[None]:
        """The border to SQLite: its errors become ours, by their codes."""
        try:
            yield
        except sqlite3.Error as exc:
            raise self._store_error(exc) from exc

    def _store_error(self, exc: sqlite3.Error) -> StoreError:
        primary = _primary_code(exc)
        if primary == sqlite3.SQLITE_FULL:
            return StoreError(ErrorCode.E_STORE_FULL, f"no room left on the disk of {self.path}", recoverable=True)
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(ErrorCode.E_STORE_LOCKED, f"{self.path} is locked by another program", recoverable=True)
        if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT):
            return StoreError(ErrorCode.E_STORE_INVALID, f"{self.path} is not a store of ingestkit, or is damaged")
        if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return StoreError(ErrorCode.E_STORE_COMMIT, self._not_permitted())
        if primary == sqlite3.SQLITE_IOERR:
            return StoreError(ErrorCode.E_STORE_COMMIT, f"the disk of {self.path} failed", recoverable=True)
        return StoreError(ErrorCode.E_STORE_COMMIT, f"{self.path}: {exc}")

    def _not_permitted(self) -> str:
        for mode, verb in ((os.R_OK, "read"), (os.W_OK, "written")):
            if self.path.exists() and not os.access(self.path, mode):
                return f"{self.path} may not be {verb}: check the permissions of the file"
        return f"{self.path} cannot be written or opened: check its folder's permissions"

    def check_writable(self) -> None:
        """Raise E_STORE_COMMIT if the file is there and its permissions keep it from being written."""
        if self.path.exists() and not os.access(self.path, os.W_OK):
            raise StoreError(ErrorCode.E_STORE_COMMIT, self._not_permitted())

    def _connect(self, parameters: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(self.path))}?{parameters}",
            uri=True,
            timeout=_BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    def open_reader(self) -> sqlite3.Connection:
        """A new connection that cannot write. A store on a read-only medium is opened as it lies there."""
        connection = self._connect("mode=ro")
        try:
            version = schema.check(connection, self.path)
        except sqlite3.OperationalError as exc:
            connection.close()
            if _primary_code(exc) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            connection = self._connect("mode=ro&immutable=1")
            version = schema.check(connection, self.path)
        if 0 < version < schema.SCHEMA_VERSION:
            connection.close()
            self._migrate()
            connection = self._connect("mode=ro")
        self._has_schema = self._has_schema or version > 0
        return connection

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Have a reader ready for the next one who reads: what it has parsed stays parsed."""
        with self._lock:
            if self._closed:
                connection.close()
            else:
                self._readers.append(connection)

    def _migrate(self) -> None:
        with Lease(self.path, _BUSY_TIMEOUT_SECONDS):
            connection = self._connect("mode=rw")
            try:
                schema.migrate(connection, schema.check(connection, self.path))
            finally:
                connection.close()

    def _open_writer(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(ErrorCode.E_STORE_COMMIT, f"{self.path} was closed")
        if self._writer is None:
            self._check_folder()
            lease = Lease(self.path)
            lease.__enter__()
            try:
                self._writer = self._connect_to_write()
            except BaseException:
                lease.__exit__()
                raise
            self._lease, self._has_schema = lease, True
        return self._writer

    def _connect_to_write(self) -> sqlite3.Connection:
        connection = self._connect("mode=rwc")
        try:
            version = schema.check(connection, self.path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = {-_CACHE_KIBIBYTES}")
            schema.migrate(connection, version)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_folder(self) -> None:
        folder = self.path.parent
        if not folder.is_dir():
            raise StoreError(ErrorCode.E_STORE_COMMIT, f"the folder {folder} does not exist")
        file_system = network_file_system(folder)
        if file_system is not None:
            raise StoreError(
                ErrorCode.E_STORE_INVALID,
                f"{self.path} is on a network file system ({file_system}), where SQLite loses data: "
                "put the store on a local disk",
            )

    @contextmanager
    def writing(self, attached: Mapping[str, str] | None = None) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or, on any exception, none of it.

        ``attached`` are further files to read from meanwhile: the name to say, and the file's URI.
        """
        with self._write_lock, self.translated():
            connection = self._open_writer()
            with _attached(connection, attached or {}), _transaction(connection):
                connection.execute(_COUNT_COMMIT)
                yield connection

    @contextmanager
    def noting(self) -> Iterator[sqlite3.Connection]:
        """One short transaction about jobs, which a process that does not own the store may do as well."""
        with self._write_lock, self.translated(), _transaction(self._writer or self._open_noter()) as connection:
            yield connection

    def _open_noter(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(ErrorCode.E_STORE_COMMIT, f"{self.path} was closed")
        if self._noter is None:
            self._create()
            self._noter = self._connect("mode=rw")
            self._noter.execute("PRAGMA synchronous = NORMAL")
        return self._noter

    def _create(self) -> None:
        """Make the store, unless it is there or an owner is just about to make it."""
        deadline = time.monotonic() + _BUSY_TIMEOUT_SECONDS
        while not self.exists:
            try:
                with Lease(self.path):
                    self._open_writer()
                    self._let_go()
            except StoreError as exc:
                if exc.code != ErrorCode.E_STORE_LOCKED or time.monotonic() > deadline:
                    raise
                time.sleep(_CREATION_LOOK_SECONDS)

    def _let_go(self) -> None:
        """Be no owner any more, after having been one for a moment."""
        if self._writer is not None and self._lease is not None:
            self._writer.close()
            self._lease.__exit__()
            self._writer, self._lease = None, None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot: what was committed when it began."""
        if not self.exists:
            raise StoreError(ErrorCode.E_STORE_INVALID, f"there is no store at {self.path} yet: ingest something first")
        with self.translated():
            with self._lock:
                connection = self._readers.pop() if self._readers else self.open_reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._keep(connection)

    @contextmanager
    def glancing(self) -> Iterator[sqlite3.Connection]:
        """What is committed, for a moment: where this process owns the store, on the connection that writes.

        That one knows every table; a reader parses all their CREATE statements again after each document that
        brings one. Who writes for long is not waited for.
        """
        if self._writer is None or not self._write_lock.acquire(timeout=_GLANCE_SECONDS):
            with self.reading() as connection:
                yield connection
            return
        try:
            if self._writer is None or self._writer.in_transaction:
                with self.reading() as connection:
                    yield connection
            else:
                with self.translated():
                    yield self._writer
        finally:
            self._write_lock.release()

    def erase_free_pages(self) -> None:
        """Rewrite the file without its free pages, and empty the write-ahead log.

        Raises E_STORE_LOCKED while another program still reads an older state: its pages stay in the log.
        """
        with self._write_lock, self.translated():
            connection = self._open_writer()
            with self._lock:
                while self._readers:
                    self._readers.pop().close()
            connection.execute("VACUUM")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(
                ErrorCode.E_STORE_LOCKED,
                f"forgotten, but a program still reads an older state of {self.path}: close it and forget again",
                recoverable=True,
            )


def commits(connection: sqlite3.Connection) -> int:
    """How often documents were changed: while it stays, what was read of them holds."""
    row = connection.execute("SELECT value FROM settings WHERE name = 'commits'").fetchone()
    return 0 if row is None else int(row[0])


@contextmanager
def _attached(connection: sqlite3.Connection, files: Mapping[str, str]) -> Iterator[None]:
    # SQLite neither attaches nor detaches inside a transaction.
    names: list[str] = []
    try:
        for name, uri in files.items():
            connection.execute(f"ATTACH ? AS {name}", (uri,))
            names.append(name)
        yield
    finally:
        for name in names:
            connection.execute(f"DETACH {name}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_write_locks: dict[str, threading.RLock] = {}


def _write_lock(path: Path) -> threading.RLock:
    """One lock for all who write to a file from this process: they take turns instead of running into SQLite's."""
    return _write_locks.setdefault(os.path.realpath(path), threading.RLock())


def _primary_code(exc: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for errors that Python's own module raises."""
    code: int = getattr(exc, "sqlite_errorcode", 0)
    return code & 0xFF
