"""What the owner decides about a source before anything reads it: missing, unchanged, moved, known to be bad.

Only the file's first bytes, its size, its time and its hash are looked at: nothing that a hostile file
could make use of.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

from ingestkit_core.addresses import below, name_of
from ingestkit_core.commit import Submission
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, IngestError, SecurityError, SourceError
from ingestkit_core.formats import HEAD_BYTES, Format
from ingestkit_core.keys import IngestKey, hash_file, source_uri_of
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import on_disk, printable
from ingestkit_core.stamps import NOTHING_SAID, Stamp, stamp_of_file
from ingestkit_core.stores.base import DocumentStore, QuarantineRecord, SourceRecord, SourceState

__all__ = ["Refusal", "SourceCheck", "not_recognised", "stat_of"]

_MEBIBYTE = 1 << 20
_TIME_DOUBT_NS = 2_000_000_000
"""A file modified so shortly before it was recorded may have changed again within the clock's tick."""

Refusal = tuple[Submission, IngestError]


class SourceCheck:
    """Decides about sources of one format in one store under one configuration."""

    def __init__(
        self,
        format: Format,
        config: ProcessorConfig,
        store: DocumentStore,
        fingerprint: str,
        refresh: bool = False,
        checksum: bool = False,
    ) -> None:
        self._format = format
        self._config = config
        self._store = store
        self._fingerprint = fingerprint
        self._refresh = refresh
        self._checksum = checksum

    def decide(
        self,
        file_path: str,
        source_uri: str | None,
        root: Path | None,
        run_id: str,
        origin: str | None = None,
        stamp: Stamp | None = None,
    ) -> ProcessingResult | Submission | Refusal:
        """A result at once, a submission to be read, or a submission with the error that refuses it.

        ``root`` is where a file that moved here may have come from: anywhere below it. ``origin`` is the URL of
        which the file is a copy, and ``stamp`` what was said of the file there. Raises StoreError.
        """
        place = origin or file_path
        uri = printable(source_uri) if source_uri is not None else source_uri_of(place)
        may_have_moved = source_uri is None and origin is None
        try:
            return self._decide(file_path, place, uri, root if may_have_moved else None, run_id, stamp)
        except (SourceError, SecurityError) as exc:
            return Submission(self._state(place, uri, NOTHING_SAID), run_id), exc.to_error()
        except OSError as exc:
            error = SourceError(ErrorCode.E_SOURCE_UNREADABLE, f"{place} cannot be read: {exc.strerror}")
            return Submission(self._state(place, uri, NOTHING_SAID), run_id), error.to_error()

    def decide_unseen(
        self, url: str, source_uri: str | None, stamp: Stamp, run_id: str
    ) -> ProcessingResult | Submission | Refusal:
        """``decide`` for a file at a URL, by what is said of it alone; a submission is to be fetched."""
        uri = printable(source_uri) if source_uri is not None else source_uri_of(url)
        submission = Submission(self._state(url, uri, stamp), run_id)
        try:
            self._check_size(name_of(url), stamp.size_bytes or 0)
        except SecurityError as exc:
            return submission, exc.to_error()
        if self._checksum or not stamp.tells_changes:
            return submission
        committed = self._store.find(submission.state.tenant_id, uri)
        set_aside = self._store.find_quarantined(submission.state.tenant_id, uri)
        return self._known(submission.state, committed, set_aside, by_time=True) or submission

    def _decide(
        self, file_path: str, place: str, uri: str, root: Path | None, run_id: str, stamp: Stamp | None
    ) -> ProcessingResult | Submission | Refusal:
        seen = stamp_of_file(stat_of(file_path))
        state = self._state(place, uri, seen if stamp is None else _completed(stamp, seen))
        committed = self._store.find(state.tenant_id, uri)
        set_aside = self._store.find_quarantined(state.tenant_id, uri)
        # Of a copy the time says nothing.
        by_time = stamp is None and not self._checksum
        if by_time and (known := self._known(state, committed, set_aside, by_time=True)):
            return known
        self._check_size(Path(file_path).name, seen.size_bytes or 0)
        state = self._with_hash(state, hash_file(file_path))
        if known := self._known(state, committed, set_aside, by_time=False):
            self._store.touch(state)
            return known
        if not self._is_recognised(file_path):
            return Submission(state, run_id), not_recognised(self._format, file_path, seen.size_bytes or 0).to_error()
        attempts = set_aside.attempts if set_aside and set_aside.state.content_hash == state.content_hash else 0
        old = self._moved(state, root) if committed is None and root is not None else None
        if old is None:
            return Submission(state, run_id, attempts)
        if self._same_settings(old.state):
            return _unchanged(self._store.move(old, state, run_id), run_id)
        return Submission(state, run_id, attempts, moved_from=old.state.source_uri)

    def _state(self, file_path: str, uri: str, stamp: Stamp) -> SourceState:
        return SourceState(
            tenant_id=self._config.tenant_id,
            source_uri=uri,
            file_path=source_uri_of(file_path),
            source_format=self._format.name,
            content_hash="",
            ingest_key="",
            fingerprint=self._fingerprint,
            parser_version=self._config.parser_version,
            size_bytes=stamp.size_bytes or 0,
            modified_ns=stamp.modified_ns,
            etag=stamp.etag,
        )

    def _with_hash(self, state: SourceState, content_hash: str) -> SourceState:
        key = IngestKey(
            content_hash=content_hash,
            source_uri=state.source_uri,
            parser_version=state.parser_version,
            tenant_id=state.tenant_id,
        )
        return replace(state, content_hash=content_hash, ingest_key=key.key)

    def _check_size(self, name: str, size_bytes: int) -> None:
        """Before the file is hashed: what is too large is not read at all."""
        if size_bytes > self._config.max_file_size_mb * _MEBIBYTE:
            raise SecurityError(
                ErrorCode.E_SECURITY_TOO_LARGE,
                f"{name} has {size_bytes / _MEBIBYTE:.0f} MiB, the limit is "
                f"{self._config.max_file_size_mb}: raise max_file_size_mb and say why in "
                "max_file_size_override_reason",
            )

    def _is_recognised(self, file_path: str) -> bool:
        with open(file_path, "rb") as file:
            return self._format.recognises(file.read(HEAD_BYTES))

    def _known(
        self,
        state: SourceState,
        committed: SourceRecord | None,
        set_aside: QuarantineRecord | None,
        *,
        by_time: bool,
    ) -> ProcessingResult | None:
        """What is known of these bytes under these settings, committed or set aside."""
        if not self._config.enable_content_dedup:
            return None
        if set_aside is not None and self._same(set_aside.state, state, set_aside.recorded_ns, by_time):
            return _set_aside_again(set_aside)
        if (
            committed is not None
            and self._same(committed.state, state, committed.recorded_ns, by_time)
            and not self._format.is_outdated(committed.result)
            and not (self._refresh and committed.result.may_be_cured)
        ):
            return _unchanged(committed)
        return None

    def _same(self, old: SourceState, new: SourceState, recorded_ns: int, by_time: bool) -> bool:
        if not old.content_hash or not self._same_settings(old):
            return False
        if not by_time:
            return old.content_hash == new.content_hash
        settled = bool(new.etag) or new.modified_ns + _TIME_DOUBT_NS < recorded_ns
        was, now = ((state.size_bytes, state.modified_ns, state.etag) for state in (old, new))
        return settled and was == now

    def _same_settings(self, old: SourceState) -> bool:
        """A changed parser version alone makes a source stale, which only ``refresh`` mends."""
        same_parser = old.parser_version == self._config.parser_version
        return old.fingerprint == self._fingerprint and (same_parser or not self._refresh)

    def _moved(self, state: SourceState, root: Path) -> SourceRecord | None:
        """The committed source whose file went away under ``root`` and whose bytes these are."""
        for record in self._store.find_content(state.tenant_id, state.content_hash):
            path = record.state.file_path
            is_here = record.state.source_uri == path and below(path, source_uri_of(root)) is not None
            if is_here and not os.path.lexists(on_disk(path)):
                return record
        return None


def stat_of(file_path: str) -> os.stat_result:
    """What the disk says of an ordinary file. Raises SourceError for what is missing or none, else OSError."""
    try:
        status = os.stat(file_path)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"{file_path} does not exist") from exc
    if not stat.S_ISREG(status.st_mode):
        # Opening a pipe that nobody writes to would wait for ever.
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no ordinary file"
        raise SourceError(ErrorCode.E_SOURCE_UNREADABLE, f"{file_path} is {kind}")
    return status


def not_recognised(format: Format, file_path: str, size_bytes: int) -> SecurityError:
    """Why a file is not read: it is empty, or does not begin like one of the format."""
    does_not = f"does not begin like a file of format {format.name}" if size_bytes else "is empty (0 bytes)"
    return SecurityError(format.invalid_code, f"{Path(file_path).name} {does_not}")


def _completed(said: Stamp, copied: Stamp) -> Stamp:
    """What was said of a file, and from its copy what was not said."""
    return replace(said, size_bytes=said.size_bytes if said.size_bytes is not None else copied.size_bytes)


def _unchanged(record: SourceRecord, run_id: str | None = None) -> ProcessingResult:
    return record.result.model_copy(update={"status": "unchanged", "ingest_run_id": run_id or record.run_id})


def _set_aside_again(record: QuarantineRecord) -> ProcessingResult:
    state = record.state
    return ProcessingResult(
        file_path=state.file_path,
        ingest_key=state.ingest_key,
        tenant_id=state.tenant_id,
        status="quarantined",
        errors=tuple(error.code for error in record.errors),
        error_details=record.errors,
    )
