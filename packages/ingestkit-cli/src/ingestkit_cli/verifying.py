"""``verify``: do stored passages and rows stand where they say? Places and measures; texts only if asked for."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ingestkit_core.addresses import below, folder_uri
from ingestkit_core.keys import is_url
from ingestkit_core.paths import on_disk
from ingestkit_core.rendering import place
from ingestkit_core.stores.base import DocumentStore, SourceRecord
from ingestkit_core.verification import Mismatch, Tally, Verification
from ingestkit_core.verifying import Verified

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.output import clean, count, emit, json_line, percent, spaced
from ingestkit_cli.places import shown_path
from ingestkit_cli.settings import Wishes, open_ingestor
from ingestkit_cli.stored import find_source, open_existing

__all__ = ["verify_citations"]

_MAX_NAMED = 20


def verify_citations(names: Sequence[str], url: str | None, wishes: Wishes, *, show_text: bool, as_json: bool) -> int:
    """Verify the named documents, or all; returns the exit code: 1 where anything does not match or failed."""
    open_existing(url).close()
    total = _Total()
    with open_ingestor(url, wishes) as ingestor:
        records = _asked(ingestor.store, wishes.tenant, names)
        if not records:
            raise Mistake(f"there is no document to verify in {ingestor.store.url}")
        for verified in ingestor.verify(records, shows_text=show_text):
            total.add(verified)
            lines = [json_line(_record(verified))] if as_json else _lines(verified)
            for line in lines:
                emit(line, at_once=True)
    for line in [json_line(total.record())] if as_json else total.lines():
        emit(line)
    return ExitCode.TROUBLE if total.is_bad else ExitCode.OK


def _asked(store: DocumentStore, tenant: str | None, names: Sequence[str]) -> list[SourceRecord]:
    if not names:
        return list(store.sources(tenant))
    found: dict[tuple[str | None, str], SourceRecord] = {}
    for name in names:
        for record in _named(store, tenant, name):
            found[record.state.tenant_id, record.state.source_uri] = record
    return list(found.values())


def _named(store: DocumentStore, tenant: str | None, name: str) -> list[SourceRecord]:
    if Path(on_disk(name)).is_dir() or is_url(name):
        folder = folder_uri(name)
        lying = [record for record in store.sources(tenant) if below(record.state.source_uri, folder) is not None]
        if lying or not is_url(name):
            return lying
    known = find_source(store, tenant, name)
    if known.committed is None:
        raise Mistake(f"{shown_path(known.state.source_uri)} is set aside: nothing of it is in the store")
    return [known.committed]


def _lines(verified: Verified) -> Iterator[str]:
    path, verification = shown_path(verified.state.source_uri), verified.verification
    if verified.error is not None:
        yield spaced("failed    ", path, f"{verified.error.code}: {verified.error.message}")
    elif verification is None:
        what = "its file is not there any more" if verified.verdict == "gone" else "its file has changed since"
        yield spaced(verified.verdict.ljust(10), path, what)
    else:
        yield spaced("MISMATCH  " if verification.mismatches else "verified  ", path, *_counts(verification))
        for mismatch in verification.mismatches[:_MAX_NAMED]:
            yield from _mismatch_lines(mismatch)
        if len(verification.mismatches) > _MAX_NAMED:
            yield f"    and {len(verification.mismatches) - _MAX_NAMED:,} more"
        for unit in verification.counts:
            yield clean(f"    {unit.unit}: the ledger counts {unit.ledger:,}, the other reader {unit.counted:,}")


def _counts(verification: Verification) -> Iterator[str]:
    for tally, noun in ((verification.chunks, "chunk"), (verification.rows, "row")):
        if tally.checked:
            yield f"{tally.matching:,} of {count(tally.checked, noun)}"
    if verification.described:
        yield f"{verification.described:,} describing"
    if verification.unread:
        yield f"{verification.unread:,} not to be re-read"
    if verification.area_ratio is not None:
        yield f"area {verification.area_ratio:.2f}"


def _mismatch_lines(mismatch: Mismatch) -> Iterator[str]:
    measures = f"precision {mismatch.precision:.2f}, recall {mismatch.recall:.2f}"
    yield f"    {spaced(mismatch.name, place(mismatch.locations), measures)}"
    if mismatch.stored is not None and mismatch.found is not None:
        yield f"      stored: {clean(mismatch.stored, one_line=True)}"
        yield f"      there:  {clean(mismatch.found, one_line=True)}"


def _record(verified: Verified) -> dict[str, Any]:
    record: dict[str, Any] = {
        "kind": "document",
        "source_uri": verified.state.source_uri,
        "tenant_id": verified.state.tenant_id,
        "verdict": verified.verdict,
    }
    if verified.error is not None:
        record["error"] = verified.error.model_dump(exclude_none=True)
    if verified.verification is not None:
        record.update(dataclasses.asdict(verified.verification))
        if all(mismatch.stored is None for mismatch in verified.verification.mismatches):
            for mismatch in record["mismatches"]:
                del mismatch["stored"], mismatch["found"]
    return record


class _Total:
    """Everything together."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()
        self._chunks = self._rows = Tally()
        self._described = self._unread = self._units = self._units_off = 0
        self._ratios: list[float] = []

    def add(self, verified: Verified) -> None:
        """Count one document."""
        verification = verified.verification
        self._verdicts["mismatch" if verification and verification.mismatches else verified.verdict] += 1
        if verification is None:
            return
        self._chunks += verification.chunks
        self._rows += verification.rows
        self._described += verification.described
        self._unread += verification.unread
        self._units += verification.units
        self._units_off += len(verification.counts)
        if verification.area_ratio is not None:
            self._ratios.append(verification.area_ratio)

    @property
    def is_bad(self) -> bool:
        """Whether anything does not match, or could not be looked at although it is there."""
        matching = all(tally.matching == tally.checked for tally in (self._chunks, self._rows))
        return not matching or bool(self._verdicts["failed"])

    def record(self) -> dict[str, Any]:
        """The totals for a machine."""
        return {
            "kind": "total",
            "documents": dict(self._verdicts),
            "chunks": dataclasses.asdict(self._chunks),
            "rows": dataclasses.asdict(self._rows),
            "described": self._described,
            "unread": self._unread,
            "area_ratio": median(self._ratios) if self._ratios else None,
            "units": self._units,
            "units_counted_differently": self._units_off,
        }

    def lines(self) -> Iterator[str]:
        """The totals for people."""
        named = {"mismatch": "with mismatches"}
        documents = ", ".join(f"{n:,} {named.get(verdict, verdict)}" for verdict, n in self._verdicts.items())
        yield f"documents: {documents}"
        for tally, noun in ((self._chunks, "chunks"), (self._rows, "rows")):
            if tally.checked:
                share = percent(tally.matching, tally.checked)
                yield f"{noun}: {tally.checked:,} checked, {tally.matching:,} match ({share})"
        yield f"describing: {self._described:,}; not to be re-read: {self._unread:,}"
        if self._ratios:
            yield f"cited area: {median(self._ratios):.2f} times that of the lines in it (median of documents)"
        yield f"ledger: {self._units_off:,} of {self._units:,} pages or sheets counted differently by the other reader"
