"""What a format package tells core about itself, and the look at a file that tells formats apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode
from ingestkit_core.extraction import Conversion, Extraction, Split
from ingestkit_core.models import BaseChunkMetadata, ProcessingResult

__all__ = ["Format", "Part", "Verifier", "head_of"]

HEAD_BYTES = 1024
"""So much of a file's beginning is shown to ``recognises``."""


def head_of(path: str | Path) -> bytes | None:
    """A file's first bytes; None where they cannot be read. A pipe is not opened: nobody may ever write to it."""
    try:
        if not Path(path).is_file():
            return None
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class Part:
    """An optional part of a format, as ``doctor`` reports it. ``advice`` is what to type."""

    name: str
    state: Literal["ok", "missing", "broken"]
    detail: str
    advice: str = ""


def _no_parts(config: ProcessorConfig) -> Iterable[Part]:
    return ()


def _never(result: ProcessingResult) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Verifier:
    """How a format's citations are re-read by something that shares nothing with its reader.

    ``verify(file_path, config, request)`` is a module-level function of the module ``module``, which is imported in
    the worker only. ``needs`` names a module that is not there by itself, and ``install`` what to type to get it.
    """

    module: str
    needs: str | None = None
    install: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """A document format.

    ``read`` and ``convert`` are module-level functions that run in workers; ``preload`` names what a worker
    should have imported before its first document. ``recognises`` looks at a file's first 1,024 bytes.
    ``invalid_code`` is the code for a file that it does not recognise. ``thread_safe`` says whether ``read``
    may run in two threads at once. ``examine`` looks at the optional parts the format could use under a
    config. ``is_outdated`` says of a committed document's result whether parts that were not there then, and
    are not in the fingerprint, would read it otherwise now.
    """

    name: str
    suffixes: frozenset[str]
    recognises: Callable[[bytes], bool]
    read: Callable[[str, dict[str, Any]], Extraction | Split]
    convert: Callable[[str, dict[str, Any]], Conversion | Split]
    config_class: type[ProcessorConfig]
    metadata_class: type[BaseChunkMetadata]
    reader_versions: Callable[[], dict[str, str]]
    invalid_code: ErrorCode
    preload: tuple[str, ...] = ()
    thread_safe: bool = True
    examine: Callable[[ProcessorConfig], Iterable[Part]] = _no_parts
    is_outdated: Callable[[ProcessingResult], bool] = _never
    verifier: Verifier | None = None
