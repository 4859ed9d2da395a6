"""Connections to a server that may be slow, full or gone. Its errors become ours here, by their codes.

A connection that the server dropped meanwhile is replaced before anything is done on it; one that breaks in the
middle takes its transaction with it. No message holds a password, nor the server's words about a value.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.stores.postgres import schema
from ingestkit_core.stores.statements import Run

__all__ = ["Server", "running_on"]

_DEFAULTS = {
    "connect_timeout": 10,
    # A server that vanished without a word is noticed within half a minute, and so is a client by the server: it
    # would keep what a host that was cut off had locked for a quarter of an hour and longer.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    "application_name": "ingestkit",
}
_FOR_BOTH_SIDES = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_SECRETS = frozenset({"password", "sslpassword", "passfile"})
_IN_THE_AUTHORITY = frozenset({"user", "host", "port", "dbname"})
_LOCK_SECONDS = 60

_SET_UP = """
SELECT set_config('search_path', 'ingestkit, ' || coalesce(
           (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'vector'), 'public'), false),
       set_config('lock_timeout', CASE current_setting('lock_timeout') WHEN '0' THEN %s
                                  ELSE current_setting('lock_timeout') END, false),
       set_config('tcp_keepalives_idle', %s, false), set_config('tcp_keepalives_interval', %s, false),
       set_config('tcp_keepalives_count', %s, false), set_config('tcp_user_timeout', %s, false)
"""


class Server:
    """The database of a store. Safe to use from several threads: each transaction has a connection of its own."""

    def __init__(self, url: str) -> None:
        parameters = _parsed(url)
        self.url = _shown(parameters)
        defaults: dict[str, Any] = {**_DEFAULTS, **parameters, "client_encoding": "utf8"}
        self._conninfo = make_conninfo(**defaults)
        self._set_up = (f"{_LOCK_SECONDS}s", *(str(defaults[name]) for name in _FOR_BOTH_SIDES))
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection] = []
        self._closed = False
        self._has_schema = False
        with self.outside():
            pass

    @property
    def has_schema(self) -> bool:
        """Whether anything was ever committed here. An older schema becomes the current one."""
        if not self._has_schema:
            with self.outside() as connection:
                version = schema.check(connection, self.url)
            if 0 < version < schema.SCHEMA_VERSION:
                with self._transaction("BEGIN") as connection:
                    schema.make(connection, self.url)
            self._has_schema = version > 0
        return self._has_schema

    def close(self) -> None:
        """Close every connection; those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def writing(self) -> Iterator[psycopg.Connection]:
        """One transaction: all of it or, on any exception, none of it."""
        if not self.has_schema:
            with self._transaction("BEGIN") as connection:
                schema.make(connection, self.url)
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[psycopg.Connection]:
        """One snapshot: what was committed when it began."""
        if not self.has_schema:
            raise StoreError(ErrorCode.E_STORE_INVALID, f"there is no store at {self.url} yet: ingest something first")
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    @contextmanager
    def touring(self) -> Iterator[psycopg.Connection]:
        """One snapshot in which no table is dropped or changed while it is read from table to table."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            # Unlike a SELECT, this waits before the snapshot is taken.
            connection.execute(schema.KEEP_TABLES)
            yield connection

    @contextmanager
    def trying(self) -> Iterator[psycopg.Connection]:
        """A transaction of which nothing stays, in which each statement sees what is committed when it begins."""
        with self._transaction("BEGIN", keep=False) as connection:
            yield connection

    @contextmanager
    def outside(self) -> Iterator[psycopg.Connection]:
        """A connection without a transaction: each statement stands for itself."""
        with self._translated():
            connection = self._borrow("")
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def _transaction(self, begin: str, *, keep: bool = True) -> Iterator[psycopg.Connection]:
        with self._translated():
            connection = self._borrow(begin)
            try:
                yield connection
                connection.execute("COMMIT" if keep else "ROLLBACK")
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._give_back(connection)

    def _borrow(self, begin: str) -> psycopg.Connection:
        """A connection on which ``begin`` was run: an idle one that still lives, or a new one."""
        while True:
            with self._lock:
                if self._closed:
                    raise StoreError(ErrorCode.E_STORE_COMMIT, f"{self.url} was closed")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = self._connect()
                connection.execute(begin.encode() or b"SELECT 1")
                return connection
            try:
                connection.execute(begin.encode() or b"SELECT 1")
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection

    def _connect(self) -> psycopg.Connection:
        # No statement is prepared: a pooler between us and the server may give each transaction another session.
        connection = psycopg.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        connection.execute(_SET_UP, self._set_up)
        return connection

    def _give_back(self, connection: psycopg.Connection) -> None:
        with self._lock:
            if self._closed or connection.closed or connection.pgconn.transaction_status != 0:
                connection.close()
            else:
                self._idle.append(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as exc:
            raise self._store_error(exc) from exc

    def _store_error(self, exc: psycopg.Error) -> StoreError:
        match exc:
            case errors.ConnectionTimeout() | errors.QueryCanceled():
                code, message = ErrorCode.E_BACKEND_DB_TIMEOUT, "did not answer in time"
            case errors.LockNotAvailable() | errors.DeadlockDetected():
                code, message = ErrorCode.E_STORE_LOCKED, "is being written by another owner: wait for it"
            case errors.DiskFull() | errors.OutOfMemory():
                code, message = ErrorCode.E_STORE_FULL, "has no room left"
            case errors.InsufficientPrivilege() | errors.ReadOnlySqlTransaction():
                code, message = ErrorCode.E_STORE_COMMIT, "may not be written by this user"
                return StoreError(code, f"{self.url} {message}")
            case psycopg.OperationalError() | psycopg.InterfaceError():
                code, message = ErrorCode.E_BACKEND_DB_CONNECT, f"cannot be reached{_reason(exc)}"
            case _:
                # The server's own words may quote a value of a document.
                code, message = ErrorCode.E_STORE_COMMIT, f"refused a statement: {type(exc).__name__} {exc.sqlstate}"
                return StoreError(code, f"{self.url} {message}")
        return StoreError(code, f"{self.url} {message}", recoverable=True)


def running_on(connection: psycopg.Connection) -> Run:
    """Runs statements with the marks that psycopg knows."""

    def run(statement: str, values: Sequence[Any]) -> psycopg.Cursor:
        return connection.execute(statement.replace("?", "%s").encode(), values)

    return run


def _reason(exc: psycopg.Error) -> str:
    """The last line of what libpq says about a connection that could not be made: where, and why not."""
    if exc.sqlstate is not None:
        return f" ({type(exc).__name__})"
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return f": {lines[0]}" if lines else ""


def _parsed(url: str) -> dict[str, str | int]:
    try:
        parameters = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        message = "the store's URL cannot be read: it looks like postgresql://user@host:5432/database"
        # libpq quotes what it did not understand, which may be the password.
        raise StoreError(ErrorCode.E_STORE_INVALID, message) from None
    return {name: value for name, value in parameters.items() if value is not None}


def _shown(parameters: dict[str, str | int]) -> str:
    """The URL without what is secret."""
    user = f"{quote(str(parameters['user']), safe='')}@" if "user" in parameters else ""
    host, port = str(parameters.get("host", "")), parameters.get("port")
    others = {k: v for k, v in parameters.items() if k not in _SECRETS | _IN_THE_AUTHORITY}
    if "/" in host or "," in host:
        others, host = {"host": host, **({"port": port} if port else {}), **others}, ""
        port = None
    place = f"[{host}]" if ":" in host else host
    query = f"?{urlencode(others)}" if others else ""
    number = f":{port}" if port else ""
    return f"postgresql://{user}{place}{number}/{quote(str(parameters.get('dbname', '')), safe='')}{query}"
