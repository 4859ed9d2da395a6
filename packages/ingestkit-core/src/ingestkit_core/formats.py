"""What a format package tells core about itself. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode
from ingestkit_core.extraction import Conversion, Extraction, Split
from ingestkit_core.models import BaseChunkMetadata

__all__ = ["Format"]

HEAD_BYTES = 1024
"""So much of a file's beginning is shown to ``recognises``."""


@dataclass(frozen=True, slots=True)
class Format:
    """A document format.

    ``read`` and ``convert`` are module-level functions that run in workers; ``preload`` names what a worker
    should have imported before its first document. ``recognises`` looks at a file's first 1,024 bytes.
    ``invalid_code`` is the code for a file that it does not recognise. ``thread_safe`` says whether ``read``
    may run in two threads at once.
    """

    name: str
    suffixes: frozenset[str]
    recognises: Callable[[bytes], bool]
    read: Callable[[str, dict[str, Any]], Extraction | Split]
    convert: Callable[[str, dict[str, Any]], Conversion]
    config_class: type[ProcessorConfig]
    metadata_class: type[BaseChunkMetadata]
    reader_versions: Callable[[], dict[str, str]]
    invalid_code: ErrorCode
    preload: tuple[str, ...] = ()
    thread_safe: bool = True
