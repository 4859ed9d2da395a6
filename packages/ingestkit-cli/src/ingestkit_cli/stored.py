"""The store that a command looks into, and one source in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingestkit_core.addresses import folder_uri
from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.paths import printable
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.stores.base import DocumentStore, QuarantineRecord, SourceRecord, SourceState

from ingestkit_cli.errors import Mistake
from ingestkit_cli.places import shown_path

__all__ = ["Known", "find_source", "known_sources", "open_existing", "tenant_name"]

_MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of one source: a committed version, a quarantine entry, or both.

    Both: a later version of the document was set aside, and the one before it is still there.
    """

    state: SourceState
    committed: SourceRecord | None
    set_aside: QuarantineRecord | None


def open_existing(url: str | None) -> DocumentStore:
    """A store that is there already. Raises StoreError: a command that looks makes no store."""
    store = open_store(url)
    if not store.exists:
        place = store.path if isinstance(store, SqliteStore) else store.url
        store.close()
        raise StoreError(
            ErrorCode.E_STORE_INVALID, f"there is no store at {place}: ingest something, or name one with --store"
        )
    return store


def tenant_name(tenant: str | None) -> str:
    """A tenant in a sentence; '' and None are those whose documents are nobody's."""
    return f"tenant {tenant}" if tenant else "nobody (no tenant)"


def known_sources(store: DocumentStore, tenant: str | None) -> Iterator[Known]:
    """All sources in order of tenant and URI, committed and set aside together."""
    set_aside = {(r.state.tenant_id or "", r.state.source_uri): r for r in store.quarantined(tenant)}
    for record in store.sources(tenant):
        key = (record.state.tenant_id or "", record.state.source_uri)
        yield from _set_aside_before(set_aside, key)
        yield Known(record.state, record, set_aside.pop(key, None))
    yield from _set_aside_before(set_aside, None)


def _set_aside_before(
    set_aside: dict[tuple[str, str], QuarantineRecord], key: tuple[str, str] | None
) -> Iterator[Known]:
    """Entries that come before a key (None: all that are left) and have no committed version. Takes them out."""
    for first in list(set_aside):
        if key is not None and first >= key:
            return
        record = set_aside.pop(first)
        yield Known(record.state, None, record)


def find_source(store: DocumentStore, tenant: str | None, name: str) -> Known:
    """The one source a person means: by URI or path, by file name, or by any part that only it has.

    Raises Mistake if there is none or more than one.
    """
    if not name.strip():
        raise Mistake("say which document: its path, its URI or a part of it")
    as_path, written = folder_uri(name), printable(name)
    exact, named, parts = [], [], []
    for known in known_sources(store, tenant):
        uri = known.state.source_uri
        if uri in (name, as_path):
            exact.append(known)
        elif uri.endswith(f"/{written}"):
            named.append(known)
        elif written.casefold() in uri.casefold():
            parts.append(known)
    found = exact or named or parts
    if not found:
        raise Mistake(f"no document {name!r} in {store.url} (see: ingestkit list)")
    if len(found) > 1:
        raise Mistake(_ambiguous(name, found))
    return found[0]


def _ambiguous(name: str, found: list[Known]) -> str:
    names = [_name(known.state) for known in found[:_MAX_NAMED]]
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    return f"{name!r} may be any of {len(found)}: {', '.join(names)}{more}; give more of it, or --tenant"


def _name(state: SourceState) -> str:
    tenant = f" (tenant {state.tenant_id})" if state.tenant_id else ""
    return f"{shown_path(state.source_uri)}{tenant}"
