"""Identity: what makes two ingests the same. Pure, save for reading a file's bytes and following a link.

- content hash: SHA-256 of the bytes
- ingest key: content, source, parser version and tenant together
- chunk id: UUIDv5 of ingest key, chunk index and chunk hash
- fingerprint: everything else that changes what comes out (config, reader versions, embedder)
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ingestkit_core.paths import normalised, printable

__all__ = [
    "IngestKey",
    "chunk_id",
    "compute_ingest_key",
    "fingerprint",
    "hash_bytes",
    "hash_file",
    "hash_text",
    "is_url",
    "source_uri_of",
]

_NAMESPACE = uuid.UUID("8a5f5a0e-5f0c-5d1f-9a58-0c3f6f0a7f11")
_BLOCK_BYTES = 1 << 20
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PASSWORD = re.compile(r"(://[^/?#:@]*):[^/?#]*@")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


class IngestKey(BaseModel):
    """What identifies one version of one source for one tenant under one parser."""

    model_config = ConfigDict(frozen=True)

    content_hash: str
    source_uri: str
    parser_version: str
    tenant_id: str | None = None

    @property
    def key(self) -> str:
        """SHA-256 over a JSON list of the four: quoting keeps the parts apart, so no two keys join alike."""
        parts = [self.content_hash, self.source_uri, self.parser_version, self.tenant_id]
        return hashlib.sha256(_canonical(parts)).hexdigest()


def is_url(file_path: str | Path) -> bool:
    """Whether it is no path but an address: ``scheme://...``, or a chain of them (``zip://a.pdf::https://...``)."""
    return isinstance(file_path, str) and _URL.match(file_path) is not None


def source_uri_of(file_path: str | Path, *, with_password: bool = False) -> str:
    """The default source URI: the absolute POSIX path, normalised and as valid text.

    A URL is its own, without a password in it.
    """
    if is_url(file_path):
        url = printable(str(file_path))
        return url if with_password else _PASSWORD.sub(r"\1@", url)
    return printable(Path(normalised(file_path)).as_posix())


def hash_bytes(content: bytes) -> str:
    """SHA-256 of bytes, as hex."""
    return hashlib.sha256(content).hexdigest()


def hash_text(text: str) -> str:
    """SHA-256 of a text's UTF-8 form, as hex."""
    return hash_bytes(text.encode("utf-8", "surrogatepass"))


def hash_file(file_path: str | Path) -> str:
    """SHA-256 of a file, read in blocks. A missing file raises FileNotFoundError."""
    digest = hashlib.sha256()
    with open(file_path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def compute_ingest_key(
    file_path: str | Path,
    parser_version: str,
    tenant_id: str | None = None,
    source_uri: str | None = None,
) -> IngestKey:
    """The ingest key of a file as it is now. A missing file raises FileNotFoundError."""
    return IngestKey(
        content_hash=hash_file(file_path),
        source_uri=source_uri if source_uri is not None else source_uri_of(file_path),
        parser_version=parser_version,
        tenant_id=tenant_id,
    )


def chunk_id(ingest_key: str, chunk_index: int, chunk_hash: str) -> str:
    """UUIDv5 of the three."""
    return str(uuid.uuid5(_NAMESPACE, f"{ingest_key}/{chunk_index}/{chunk_hash}"))


def fingerprint(
    output_settings: Mapping[str, Any],
    reader_versions: Mapping[str, str],
    embedder: tuple[str, int] | None,
) -> str:
    """SHA-256 over everything besides the source that changes what comes out.

    ``embedder`` is (identity, dimension), None where no vectors are stored.
    """
    return hash_bytes(_canonical([dict(output_settings), dict(reader_versions), embedder]))
