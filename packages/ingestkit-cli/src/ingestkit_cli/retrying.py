"""``retry``: what was set aside gets another chance, and documents that lack a part which may be read now."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from ingestkit_core.addresses import name_of
from ingestkit_core.batch import Asked, run_batch
from ingestkit_core.errors import CURABLE_IN_PARTS, ErrorCode
from ingestkit_core.ingestor import Discovered, Ingestor
from ingestkit_core.keys import is_url
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import on_disk
from ingestkit_core.progress import OnProgress
from ingestkit_core.stores.base import DocumentStore, QuarantineRecord, SourceRecord, SourceState

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.ingesting import Run, check_may_write, interruptible, owning, run_documents
from ingestkit_cli.output import say
from ingestkit_cli.settings import open_ingestor
from ingestkit_cli.stopping import Stopper
from ingestkit_cli.stored import open_existing

__all__ = ["retry_quarantined"]


def retry_quarantined(codes: Sequence[str], run: Run) -> int:
    """Read the documents again that were set aside, or lack parts, with these codes (none: any); returns the exit code.

    Without a tenant those of every tenant, each as its own tenant's.
    """
    for code in codes:
        _check_code(code)
    with open_existing(run.store) as store:
        mine = run.wishes.tenant
        again = [*_states(_set_aside(store, mine, codes)), *_states(_lacking(store, mine, codes))]
        tenants = list(dict.fromkeys(state.tenant_id for state in again))
    if not tenants:
        say(f"nothing is set aside{' with ' + ', '.join(codes) if codes else ''}")
        return ExitCode.OK
    worst = ExitCode.OK
    with Stopper() as stopper:
        for tenant in tenants:
            if len(tenants) > 1:
                say(f"tenant {tenant or '(none)'}:")
            worst = max(worst, _retry_tenant(tenant, codes, run, stopper))
            if stopper.exit_code is not None:
                return stopper.exit_code
    return worst


def _retry_tenant(tenant: str | None, codes: Sequence[str], run: Run, stopper: Stopper) -> ExitCode:
    wishes = replace(run.wishes, tenant=tenant or "")
    code = ExitCode.OK
    with open_ingestor(run.store, wishes) as ingestor, interruptible(stopper):
        check_may_write(ingestor, "retry")
        ingestor.check_queue()
        store = ingestor.store
        with owning(store, wait=run.wait):
            records = _set_aside(store, tenant or "", codes)
            both = (*_states(_lacking(store, tenant or "", codes)), *_states(records))
            states = {state.source_uri: state for state in both}
            # Nobody's documents are those of the empty tenant: None would release everybody's.
            store.release(tenant or "", codes)
            seen = Discovered()
            asked = list(_asked(ingestor, states.values(), seen))
            by_path = {record.state.file_path: record for record in records}

            def results(stop: Event, on_progress: OnProgress) -> Iterator[ProcessingResult]:
                for _, result in run_batch(asked, refresh=True, stop=stop, on_progress=on_progress):
                    if result.status == "deferred" and result.file_path in by_path:
                        # It had no chance: what was known of it stays known.
                        store.quarantine(by_path[result.file_path])
                    yield result

            code = run_documents(ingestor, results, len(asked), seen, stopper, as_json=run.as_json)
    return code


def _set_aside(store: DocumentStore, tenant: str | None, codes: Sequence[str]) -> list[QuarantineRecord]:
    return [record for record in store.quarantined(tenant) if not codes or record.code in codes]


def _lacking(store: DocumentStore, tenant: str | None, codes: Sequence[str]) -> list[SourceRecord]:
    """Documents in the store without parts that another attempt may read."""
    wanted = CURABLE_IN_PARTS.intersection(codes or CURABLE_IN_PARTS)
    return [record for record in store.sources(tenant) if not wanted.isdisjoint(record.result.errors)]


def _states(records: Iterable[QuarantineRecord | SourceRecord]) -> Iterator[SourceState]:
    return (record.state for record in records)


def _asked(ingestor: Ingestor, states: Iterable[SourceState], seen: Discovered) -> Iterator[Asked]:
    for state in states:
        uri = None if state.source_uri == state.file_path else state.source_uri
        path = on_disk(state.file_path)
        router = ingestor.router_for(path)
        if router is None:
            suffix = Path(name_of(path)).suffix.lower() or "(none)"
            seen.unsupported[suffix] = seen.unsupported.get(suffix, 0) + 1
        elif is_url(path):
            yield Asked(router, path, uri, choose=ingestor.router_for)
        else:
            yield Asked(router, path, uri, Path(path).parent)


def _check_code(code: str) -> None:
    if code not in ErrorCode.__members__:
        near = difflib.get_close_matches(code.upper(), list(ErrorCode.__members__), n=1)
        raise Mistake(f"no code {code!r}{f'; did you mean {near[0]}?' if near else ''}")
