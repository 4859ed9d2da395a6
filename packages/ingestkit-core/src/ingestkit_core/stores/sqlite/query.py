"""One SELECT by somebody we do not know, on a connection that can do nothing else.

An allow-list decides (SQLite's authorizer): reading named tables, calling ordinary functions, recursion.
ATTACH, PRAGMA, VACUUM INTO, every write and extension loading are refused while the statement is compiled.
Time, rows, the size of a value and the memory of the process are bounded.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection

from ingestkit_core.stores.base import QueryError, QueryResult

__all__ = ["run_query"]

_ALLOWED_ACTIONS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "fts5", "readfile", "writefile", "edit"})
_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})
_STEPS_BETWEEN_LOOKS = 10_000
_MAX_VALUE_BYTES = 10_000_000
_MAX_HEAP_BYTES = 512 * 1024 * 1024


def run_query(
    connection: sqlite3.Connection,
    sql: str,
    readable: Collection[str],
    timeout_seconds: float,
    max_rows: int,
) -> QueryResult:
    """Run ``sql`` on a connection that is used for nothing else afterwards.

    Raises QueryError for what is refused, wrong, too slow or too large.
    """
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA hard_heap_limit = {_MAX_HEAP_BYTES}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    existing = {name.casefold() for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    allowed = {name.casefold() for name in readable} | _TABLE_FUNCTIONS
    refused: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in _ALLOWED_ACTIONS:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            table = (first or "").casefold()
            # A name without a column is a table whose rows are counted, or a name the query itself defines.
            if table in allowed or (second == "" and table not in existing):
                return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and (second or "").casefold() not in _FORBIDDEN_FUNCTIONS:
            return sqlite3.SQLITE_OK
        refused.append(
            f"table {first!r} is not one you can read"
            if action == sqlite3.SQLITE_READ
            else "only SELECT over the listed tables is allowed"
        )
        return sqlite3.SQLITE_DENY

    deadline = time.monotonic() + timeout_seconds
    connection.set_authorizer(authorize)
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        cursor = connection.execute(sql)
        rows = cursor.fetchmany(max_rows + 1)
    except (sqlite3.Error, sqlite3.Warning, MemoryError, ValueError) as exc:
        if refused:
            raise QueryError(refused[0]) from exc
        if time.monotonic() > deadline:
            raise QueryError(f"the query took longer than {timeout_seconds:g} s") from exc
        raise QueryError(str(exc) or "the query needs more memory than it may have") from exc
    if cursor.description is None:
        raise QueryError("only SELECT over the listed tables is allowed")
    columns = tuple(column[0] for column in cursor.description)
    return QueryResult(columns, tuple(rows[:max_rows]), truncated=len(rows) > max_rows)
