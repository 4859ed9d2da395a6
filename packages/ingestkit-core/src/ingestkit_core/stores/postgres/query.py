"""One SELECT by somebody we do not know.

The server reads the query itself: it becomes a temporary view, which takes one SELECT and nothing else and is
kept as the tree that will run. Every table and function in that tree is looked at, and only those on the list
are allowed. The view is then read in a read-only transaction that is rolled back, within limits of time and rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import errors, sql

from ingestkit_core.stores.base import QueryError, QueryResult
from ingestkit_core.stores.postgres.schema import TABLES_SCHEMA
from ingestkit_core.stores.postgres.values import restored, unescaped
from ingestkit_core.stores.records import to_json

__all__ = ["run_query"]

_ONLY_SELECT = "only SELECT over the listed tables is allowed"
_VIEW = "ingestkit_query"

_NUMBERS = re.compile(
    r":(relid|funcid|opfuncid|hashfuncid|negfuncid|aggfnoid|winfnoid|opno|tsmhandler) (\d+)", re.ASCII
)
"""The tables, functions and operators of a tree. A name in it that looks like one of these only adds to them."""

_FUNCTIONS = ("funcid", "opfuncid", "hashfuncid", "negfuncid", "aggfnoid", "winfnoid")

_VOLATILE_BUT_HARMLESS = ["random", "clock_timestamp", "timeofday"]

# Built-in functions that change with time only through the clock and read neither files, settings, sessions nor
# other tables. The names of the last two lines run SQL or read tables that the tree does not show.
_FORBIDDEN_FUNCTION = """
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE p.oid = ANY(%s::oid[]) AND NOT (
    n.nspname = 'pg_catalog' AND l.lanname IN ('internal', 'sql')
    AND (p.provolatile <> 'v' OR p.proname = ANY(%s))
    AND p.proname !~ '^(pg_|lo_|txid_|has_|inet_|binary_|current_|session_|ts_|row_security|amvalidate|to_reg)'
    AND p.proname !~ '(_to_xml|_to_xmlschema|_xml_and_xmlschema|_description|acl|^version|^getpgusername)'
    OR n.nspname = 'pg_catalog' AND p.proname ~ '^(pg_column_size|pg_typeof|ts_rank|ts_headline|ts_delete|ts_filter)$'
)
"""
_FOREIGN_OPERATOR = """
SELECT o.oprname FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oid = ANY(%s::oid[]) AND n.nspname <> 'pg_catalog'
"""


def run_query(
    connection: psycopg.Connection,
    query: str,
    readable: Collection[str],
    tenant_id: str | None,
    timeout_seconds: float,
    max_rows: int,
) -> QueryResult:
    """Run ``query`` in a transaction that is rolled back afterwards.

    ``readable`` are typed tables by name; the catalog is that of the tenant. Raises QueryError for what is refused,
    wrong, too slow or too large.
    """
    milliseconds = str(max(1, int(timeout_seconds * 1000)))
    try:
        connection.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('search_path', %s, true)",
            (milliseconds, f"{TABLES_SCHEMA}, ingestkit"),
        )
        if tenant_id is not None and "catalog" in query.casefold():
            _make_catalog(connection, tenant_id)
        columns = _columns(connection, query)
        _make_view(connection, query, len(columns))
        _check(connection, readable, "ingestkit" if tenant_id is None else _schema_of_ours(connection))
        connection.execute("SET TRANSACTION READ ONLY")
        rows = _rows(connection, max_rows)
    except errors.QueryCanceled as exc:
        raise QueryError(f"the query took longer than {timeout_seconds:g} s") from exc
    except (errors.DataError, errors.ProgrammingError, errors.NotSupportedError, errors.InternalError) as exc:
        raise QueryError(_said(exc)) from exc
    except errors.OperationalError as exc:
        if exc.sqlstate is None or exc.sqlstate.startswith(("08", "57P")):
            raise
        raise QueryError(_said(exc)) from exc
    return QueryResult(columns, tuple(tuple(map(_plain, row)) for row in rows[:max_rows]), len(rows) > max_rows)


def _columns(connection: psycopg.Connection, query: str) -> tuple[str, ...]:
    """The names of the columns of a statement, which is read and not run. Several statements are refused."""
    if "\x00" in query:
        raise QueryError("the query holds a NUL")
    server = connection.pgconn
    read = server.prepare(b"", query.encode("utf-8", "replace"))
    _raise_for(read, connection)
    described = server.describe_prepared(b"")
    _raise_for(described, connection)
    names = tuple((described.fname(number) or b"").decode() for number in range(described.nfields))
    if not names:
        raise QueryError(_ONLY_SELECT)
    return names


def _raise_for(result: psycopg.pq.abc.PGresult, connection: psycopg.Connection) -> None:
    if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
        raise errors.error_from_result(result, encoding=connection.info.encoding)


def _make_view(connection: psycopg.Connection, query: str, columns: int) -> None:
    """The query as a view, with columns c1, c2, ... because a query may name two columns alike."""
    names = ", ".join(f"c{number}" for number in range(1, columns + 1))
    text = f"CREATE TEMPORARY VIEW {_VIEW} ({names}) AS {query}"
    # Through the extended protocol, which takes one statement only.
    result = connection.pgconn.exec_params(text.encode("utf-8", "replace"), None)
    if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
        error = errors.error_from_result(result, encoding=connection.info.encoding)
        if isinstance(error, errors.SyntaxError):
            raise QueryError(_ONLY_SELECT) from error
        raise error


def _make_catalog(connection: psycopg.Connection, tenant_id: str) -> None:
    """The tenant's entries under the catalog's name, before which a temporary table stands."""
    connection.execute(
        "CREATE TEMPORARY TABLE catalog ON COMMIT DROP AS SELECT * FROM ingestkit.catalog "
        "WHERE source_id IN (SELECT id FROM ingestkit.sources WHERE tenant = %s)",
        (tenant_id,),
    )


def _schema_of_ours(connection: psycopg.Connection) -> str:
    """The name of the schema of this session's temporary tables."""
    (name,) = _one(connection, "SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()")
    return str(name)


def _check(connection: psycopg.Connection, readable: Collection[str], catalog_schema: str) -> None:
    (tree,) = _one(connection, f"SELECT ev_action::text FROM pg_rewrite WHERE ev_class = 'pg_temp.{_VIEW}'::regclass")
    found = _NUMBERS.findall(tree)
    relations = {int(number) for kind, number in found if kind == "relid"}
    foreign = connection.execute(
        "SELECT r.relname FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = ANY(%s::oid[]) "
        "AND NOT (n.nspname = %s AND r.relname = ANY(%s)) AND NOT (n.nspname = %s AND r.relname = 'catalog') "
        f"AND r.oid <> 'pg_temp.{_VIEW}'::regclass",
        (list(relations), TABLES_SCHEMA, list(readable), catalog_schema),
    ).fetchone()
    if foreign is not None:
        raise QueryError(f"table {foreign[0]!r} is not one you can read")
    functions = [int(number) for kind, number in found if kind in _FUNCTIONS]
    operators = [int(number) for kind, number in found if kind == "opno"]
    forbidden = connection.execute(_FORBIDDEN_FUNCTION, (functions, _VOLATILE_BUT_HARMLESS)).fetchone()
    if forbidden is not None:
        raise QueryError(f"{_ONLY_SELECT}: the function {forbidden[0]} is not")
    if connection.execute(_FOREIGN_OPERATOR, (operators,)).fetchone() or any(kind == "tsmhandler" for kind, _ in found):
        raise QueryError(_ONLY_SELECT)


def _one(connection: psycopg.Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row


def _rows(connection: psycopg.Connection, max_rows: int) -> list[tuple[Any, ...]]:
    with connection.cursor(name=_VIEW) as cursor:
        cursor.execute(sql.SQL("SELECT * FROM pg_temp.{}").format(sql.Identifier(_VIEW)))
        return cursor.fetchmany(max_rows + 1)


def _plain(value: Any) -> Any:
    """A value as the embedded store would show it: numbers, texts, bytes and NULL."""
    match value:
        case None | int() | float() | bytes():
            return restored(int(value) if isinstance(value, bool) else value, "text")
        case str():
            return unescaped(value)
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date() | datetime() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case dict() | list():
            return to_json(value)
        case _:
            return str(value)


def _said(exc: psycopg.Error) -> str:
    """The server's words about a query, which are its author's to read."""
    return exc.diag.message_primary or str(exc) or type(exc).__name__
