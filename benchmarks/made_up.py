"""Documents as a store takes them, made up: words and numbers by a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from ingestkit_core.elements import CellRange, PageBox, TableColumn
from ingestkit_core.keys import IngestKey, chunk_id, hash_text
from ingestkit_core.models import BaseChunkMetadata, ChunkPayload, ProcessingResult
from ingestkit_core.stores.base import DocumentVersion, NamedTable, SourceState
from ingestkit_core.stores.naming import table_name

__all__ = ["COLUMNS", "document", "prose", "table", "table_rows", "vector"]

_VERSION = "made-up:1"
_SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu".split()

COLUMNS = (
    TableColumn("id", "Id", "integer"),
    TableColumn("name", "Name", "text"),
    TableColumn("amount", "Amount", "number"),
    TableColumn("price", "Price", "decimal"),
    TableColumn("day", "Day", "date"),
    TableColumn("moment", "Moment", "datetime"),
    TableColumn("active", "Active", "boolean"),
    TableColumn("part", "Part", "text"),
    TableColumn("share", "Share", "number"),
    TableColumn("pieces", "Pieces", "integer"),
)


def prose(words: int, seed: object) -> str:
    """So many words in sentences; common words are common, as in real text."""
    chance = random.Random(str(seed))
    vocabulary = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(5000)]
    said: list[str] = []
    for number in range(words):
        word = vocabulary[min(int(chance.paretovariate(0.8)) - 1, 4999)]
        said.append(word if (number + 1) % 14 else f"{word}.")
    return " ".join(said)


def vector(size: int, chance: random.Random) -> tuple[float, ...]:
    """A direction at random."""
    return tuple(chance.gauss(0, 1) for _ in range(size))


def table_rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of ten typed columns, in SQL form."""
    chance = random.Random(count)
    for number in range(count):
        day = f"20{chance.randint(10, 29)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
        amount, pieces = chance.uniform(0, 1e6), chance.randint(0, 10**6)
        yield (
            number, f"name {pieces}", amount, f"{amount:.2f}", day, f"{day}T12:00:00", number % 2, f"{pieces:07d}",
            amount / 1e6, pieces,
        )  # fmt: skip


def table(uri: str, region: str, rows: Sequence[tuple[Any, ...]]) -> NamedTable:
    """Rows of ``table_rows`` as a table on a sheet."""
    places = [CellRange("Sheet1", f"A{number}:J{number}") for number in range(2, len(rows) + 2)]
    whole = CellRange("Sheet1", f"A1:J{len(rows) + 1}")
    name = table_name(None, uri, "Sheet1", region)
    return NamedTable(name, "Sheet1", region, "Records", whole, COLUMNS, rows, places)


def document(
    uri: str,
    texts: Sequence[str],
    tables: Sequence[NamedTable] = (),
    vectors: Sequence[tuple[float, ...]] | None = None,
    tenant: str | None = None,
) -> DocumentVersion:
    """A document of these chunks and tables, ready to be committed."""
    content_hash = hash_text("\n".join(texts))
    key = IngestKey(content_hash=content_hash, source_uri=uri, parser_version=_VERSION, tenant_id=tenant).key
    chunks = [
        ChunkPayload(
            id=chunk_id(key, number, hash_text(text)),
            text=text,
            vector=vectors[number] if vectors else None,
            metadata=BaseChunkMetadata(
                source_uri=uri,
                source_format="made-up",
                ingestion_method="made-up",
                parser_version=_VERSION,
                chunk_index=number,
                chunk_hash=hash_text(text),
                ingest_key=key,
                tenant_id=tenant,
                language="en",
                locations=(PageBox(number + 1, (50.0, 50.0, 500.0, 700.0)),),
            ),
        )
        for number, text in enumerate(texts)
    ]
    return DocumentVersion(
        state=SourceState(tenant, uri, uri, "made-up", content_hash, key, "fingerprint", _VERSION, 1000, 1),
        run_id="run",
        result=ProcessingResult(file_path=uri, ingest_key=key, tenant_id=tenant, status="committed"),
        chunks=chunks,
        tables=tables,
        embedder=("made-up", len(vectors[0])) if vectors else None,
    )
