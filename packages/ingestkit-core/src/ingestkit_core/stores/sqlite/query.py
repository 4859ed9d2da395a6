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
from ingestkit_core.stores.sqlite.schema import is_internal

__all__ = ["run_query"]

_ALLOWED_ACTIONS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "fts5", "readfile", "writefile", "edit"})
_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})
_STEPS_BETWEEN_LOOKS = 10_000
_MAX_VALUE_BYTES = 10_000_000
_MAX_HEAP_BYTES = 512 * 1024 * 1024
_CATALOG = "catalog"


def run_query(
    connection: sqlite3.Connection,
    sql: str,
    readable: Collection[str],
    tenant_id: str | None,
    timeout_seconds: float,
    max_rows: int,
) -> QueryResult:
    """Run ``sql`` on a connection that is used for nothing else afterwards.

    ``readable`` are typed tables by name; the catalog is that of the tenant. Raises QueryError for what is refused,
    wrong, too slow or too large.
    """
    connection.execute("PRAGMA temp_store = MEMORY")
    if tenant_id is not None and _CATALOG in sql.casefold():
        _make_catalog(connection, tenant_id)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA hard_heap_limit = {_MAX_HEAP_BYTES}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    existing = {name.casefold() for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    allowed = {name.casefold() for name in readable} | _TABLE_FUNCTIONS
    refused: list[str] = []

    def may_read(table: str, column: str | None, database: str | None) -> bool:
        if table == _CATALOG:
            # Without a database it is the temporary one where there is one.
            return tenant_id is None or database in ("temp", None)
        # A name without a column is a table whose rows are counted, or a name the query itself defines.
        return table in allowed or (column == "" and table not in existing and not is_internal(table))

    def authorize(action: int, first: str | None, second: str | None, database: str | None, _: str | None) -> int:
        if action in _ALLOWED_ACTIONS:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and may_read((first or "").casefold(), second, database):
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


def _make_catalog(connection: sqlite3.Connection, tenant_id: str) -> None:
    """The tenant's entries under the catalog's name, before which a temporary table stands.

    Not a view: what a view reads looks to the authorizer as what a query of that name reads.
    """
    connection.execute(
        f"CREATE TEMP TABLE {_CATALOG} AS SELECT * FROM main.{_CATALOG} "
        "WHERE source_id IN (SELECT id FROM main.sources WHERE tenant = ?)",
        (tenant_id,),
    )
