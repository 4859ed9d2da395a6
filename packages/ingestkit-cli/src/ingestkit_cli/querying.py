"""``sql``: rows as a table on a terminal, as tab-separated lines on a pipe, as CSV or JSON where asked for."""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from ingestkit_core.stores.base import QueryResult

from ingestkit_cli.errors import ExitCode
from ingestkit_cli.output import clean, count, emit, is_terminal, json_line, say
from ingestkit_cli.stored import open_existing

__all__ = ["OutputForm", "run_sql"]


class OutputForm(Enum):
    """How rows are written. PEOPLE is a table on a terminal and tab-separated text elsewhere."""

    PEOPLE = auto()
    CSV = auto()
    JSON = auto()


def run_sql(url: str | None, tenant: str | None, query: str, timeout: float, max_rows: int, form: OutputForm) -> int:
    """Run one SELECT and print its rows. Raises QueryError."""
    with open_existing(url) as store:
        result = store.query(query, tenant, timeout, max_rows)
    if form is OutputForm.JSON:
        _print_json(result)
    elif form is OutputForm.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows([_written(value) for value in row] for row in result.rows)
    elif is_terminal(sys.stdout):
        _print_table(result)
    else:
        for row in (result.columns, *result.rows):
            emit("\t".join(map(_plain, row)))
    if result.truncated:
        say(f"only the first {count(len(result.rows), 'row')}: there are more (see --max-rows)")
    return ExitCode.OK


def _print_json(result: QueryResult) -> None:
    names = _distinct(result.columns)
    for row in result.rows:
        emit(json_line(dict(zip(names, map(_json_value, row), strict=True))))


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names as keys: one that came before gets a number, so that no value is lost."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name}:{seen[name]}")
    return distinct


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    return value.hex() if isinstance(value, bytes) else value


def _written(value: Any) -> str:
    """A value as text; NULL is empty, bytes are hexadecimal."""
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> str:
    text = _written(value)
    return clean(text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n"))


def _print_table(result: QueryResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    table = Table(header_style="bold", show_edge=False)
    for number, name in enumerate(result.columns):
        numbers = all(isinstance(row[number], int | float | None) for row in result.rows)
        table.add_column(Text(clean(name, one_line=True)), justify="right" if numbers else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(Text("NULL", "dim") if value is None else Text(clean(_written(value))) for value in row))
    console.print(table)
    say(count(len(result.rows), "row"))
