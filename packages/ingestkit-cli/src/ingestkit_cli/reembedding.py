"""``reembed``: another embedder for what is stored, or none."""

from __future__ import annotations

import time

from ingestkit_core.ingestor import Ingestor

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.ingesting import owning
from ingestkit_cli.output import count, say
from ingestkit_cli.settings import Wishes, open_ingestor
from ingestkit_cli.stopping import Stopper
from ingestkit_cli.stored import open_existing

__all__ = ["drop_vectors", "reembed_store"]

_TOLD_EVERY_SECONDS = 5.0


def reembed_store(url: str | None, wishes: Wishes, *, wait: bool) -> int:
    """Give every stored text a vector of the embedder; returns the exit code."""
    if not wishes.embedder:
        raise Mistake("say which embedder: --embedder URL (or --drop, to take all vectors out)")
    with open_existing(url) as store:
        chunks = store.status().chunks
    with Stopper() as stopper, open_ingestor(url, wishes) as ingestor:
        try:
            with owning(ingestor.store, wait=wait):
                done = _embed(ingestor, chunks)
        except KeyboardInterrupt:
            say("stopped; searches are as before, and reembed goes on where it was")
            return stopper.exit_code or ExitCode.INTERRUPTED
        identity, dimension = ingestor.store.embedder() or ("", 0)
        say(f"{count(done, 'text')} embedded; searches use {identity} ({dimension} numbers) from now on")
    return ExitCode.OK


def _embed(ingestor: Ingestor, chunks: int) -> int:
    """So many texts were embedded. Tells now and then how far it is: equal texts are counted once."""
    done, told = 0, time.monotonic()
    for done in ingestor.reembed():
        if time.monotonic() - told > _TOLD_EVERY_SECONDS:
            told = time.monotonic()
            say(f"{done:,} of at most {count(chunks, 'text')}")
    return done


def drop_vectors(url: str | None, wishes: Wishes, *, wait: bool) -> int:
    """Take all vectors out of the store; returns the exit code."""
    open_existing(url).close()
    with open_ingestor(url, wishes) as ingestor, owning(ingestor.store, wait=wait):
        ingestor.drop_vectors()
    say("the store has no vectors any more; searches are by words")
    return ExitCode.OK
