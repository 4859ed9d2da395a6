"""Stored citations against their sources, document by document: the owner's side.

    store ─► questions in a file ─► worker: the format's verifier re-reads the places ─► verdict

The owner opens no document. A source that changed or went away since is told apart: nothing can be said of it.
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from ingestkit_core.elements import CellRange, PageBox, RowPlace
from ingestkit_core.errors import ErrorCode, IngestError, IngestkitError
from ingestkit_core.fetching import fetched
from ingestkit_core.keys import is_url
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import on_disk
from ingestkit_core.router import DocumentRouter
from ingestkit_core.stores.base import DocumentStore, QueryError, SourceRecord, SourceState, TableRecord
from ingestkit_core.stores.records import place_of_row
from ingestkit_core.verification import Passage, Request, Rows, Verification, write_questions

__all__ = ["Verified", "came_in", "questions_about", "verify_sources"]

_ROWS_AT_ONCE = 1000
_QUERY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Verified:
    """One document. ``verification`` is there if it was re-read, ``error`` if it could not be.

    ``gone``: the source is not there any more; ``changed``: it has other bytes than those that were ingested.
    """

    state: SourceState
    verdict: Literal["verified", "changed", "gone", "failed"]
    verification: Verification | None = None
    error: IngestError | None = None


def verify_sources(
    store: DocumentStore,
    routers: Iterable[DocumentRouter],
    records: Iterable[SourceRecord],
    *,
    shows_text: bool = False,
) -> Iterator[Verified]:
    """Verdicts in the order of the records, a few documents at a time."""
    by_format = {router.format.name: router for router in routers}
    tables: dict[tuple[str | None, str | None], list[TableRecord]] = defaultdict(list)
    for table in store.tables():
        tables[table.tenant_id, table.source_uri].append(table)
    ahead = max((router.in_flight for router in by_format.values()), default=1)
    with TemporaryDirectory(prefix="ingestkit-verify-") as folder, ThreadPoolExecutor(ahead) as threads:
        numbers = itertools.count()

        def start(record: SourceRecord) -> Future[Verified]:
            state = record.state
            mine = tables.get((state.tenant_id, state.source_uri), [])
            file = Path(folder, f"{next(numbers)}.pickle")
            router = by_format.get(state.source_format)
            return threads.submit(_verified, store, router, record, mine, file, shows_text)

        yield from _in_turn(map(start, records), ahead)


def _in_turn(futures: Iterator[Future[Verified]], ahead: int) -> Iterator[Verified]:
    waiting: deque[Future[Verified]] = deque()
    try:
        for future in futures:
            waiting.append(future)
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _verified(
    store: DocumentStore,
    router: DocumentRouter | None,
    record: SourceRecord,
    tables: Sequence[TableRecord],
    questions: Path,
    shows_text: bool,
) -> Verified:
    """On a thread that waits for the worker."""
    state = record.state
    if not is_url(state.file_path) and not os.path.exists(on_disk(state.file_path)):
        return Verified(state, "gone")
    if router is None:
        message = f"no installed format reads {state.source_format}"
        return Verified(state, "failed", error=_error(ErrorCode.E_PARSE_UNSUPPORTED, message))
    try:
        write_questions(questions, questions_about(store, state, tables))
        request = Request(str(questions), came_in(record.result), state.content_hash, shows_text)
        with _at_hand(state.file_path, router) as file:
            return Verified(state, "verified", router.verify(file, request))
    except IngestkitError as exc:
        if exc.code == ErrorCode.E_SOURCE_NOT_FOUND:
            return Verified(state, "gone")
        if exc.code == ErrorCode.E_SOURCE_CHANGED:
            return Verified(state, "changed")
        return Verified(state, "failed", error=exc.to_error())
    except (OSError, QueryError) as exc:
        message = f"what is stored could not be asked about: {getattr(exc, 'strerror', None) or exc}"
        return Verified(state, "failed", error=_error(ErrorCode.E_STORE_COMMIT, message))
    finally:
        questions.unlink(missing_ok=True)


@contextmanager
def _at_hand(file_path: str, router: DocumentRouter) -> Iterator[str | Path]:
    """The file itself, or a copy of what is at its URL."""
    if not is_url(file_path):
        yield on_disk(file_path)
        return
    with fetched(file_path, router.config.max_file_size_mb << 20) as copy:
        yield copy


def came_in(result: ProcessingResult) -> dict[str, int]:
    """What the ledger says came in, by unit. Of pages that OCR read no other reader can count the characters."""
    seen = {f"page {number}" for number in result.ocr_result.pages} if result.ocr_result else set()
    units = result.ledger.units if result.ledger else ()
    return {unit.unit: unit.source for unit in units if unit.unit not in seen}


def _error(code: ErrorCode, message: str) -> IngestError:
    return IngestError(code=code, message=message, stage="parse")


def questions_about(
    store: DocumentStore, state: SourceState, tables: Iterable[TableRecord]
) -> Iterator[Passage | Rows]:
    """Every stored chunk and row of a document with the place it cites."""
    from_images: set[str] = set()
    for hit in store.chunks(state.tenant_id, state.source_uri):
        is_from_image = hit.metadata.get("ocr_engine") is not None
        if is_from_image and hit.metadata.get("table_name"):
            from_images.add(hit.metadata["table_name"])
        yield Passage(
            f"chunk {hit.metadata['chunk_index']}",
            hit.text,
            tuple(_location(place) for place in hit.metadata.get("locations", ())),
            hit.metadata.get("content_type") or "text",
            is_from_image,
        )
    for table in tables:
        yield from _rows(store, table, is_from_image=table.table_name in from_images)


def _location(record: Mapping[str, Any]) -> PageBox | CellRange:
    if "page_number" in record:
        return PageBox(record["page_number"], tuple(record["box"]))
    return CellRange(record["sheet_name"], record["cell_range"])


def _rows(store: DocumentStore, table: TableRecord, *, is_from_image: bool) -> Iterator[Rows]:
    names = [column.name for column in table.columns]
    last = 0
    while True:
        sql = f'SELECT * FROM "{table.table_name}" WHERE row_id > {last} ORDER BY row_id LIMIT {_ROWS_AT_ONCE}'
        found = store.query(sql, table.tenant_id or "", _QUERY_SECONDS, _ROWS_AT_ONCE)
        if not found.rows:
            return
        place = _place_in(found.columns)
        at = {name: index for index, name in enumerate(found.columns)}
        rows = tuple((row[at["row_id"]], tuple(row[at[name]] for name in names), place(row)) for row in found.rows)
        yield Rows(table.table_name, table.columns, rows, is_from_image)
        last = rows[-1][0]


def _place_in(columns: Sequence[str]) -> Callable[[Sequence[Any]], RowPlace]:
    """How to read a row's place from the columns that hold it."""
    on_page = "_page" in columns
    first, second = map(columns.index, ("_page", "_box") if on_page else ("_sheet", "_range"))
    return lambda row: place_of_row(row[first], row[second], on_page=on_page)
