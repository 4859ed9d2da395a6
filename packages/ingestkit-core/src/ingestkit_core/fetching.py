"""Documents at a URL: a copy beside the worker, for as long as it is read. What opens URLs is fsspec.

http://, s3://, memory://, zip://name::file:///archive.zip, ...: whatever fsspec and its plugins know.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ingestkit_core.errors import ErrorCode, SourceError

__all__ = ["fetched", "name_of"]

_BLOCK_BYTES = 1 << 20
_LONGEST_NAME = 100


def name_of(url: str) -> str:
    """The file's own name: the last part of the first URL of a chain, without what follows it."""
    first = urlsplit(url.partition("::")[0])
    return unquote(PurePosixPath(first.path or first.netloc).name)[-_LONGEST_NAME:] or "document"


@contextmanager
def fetched(url: str, max_bytes: int) -> Iterator[Path]:
    """A copy of what is at a URL, under its own name; it goes away at the end.

    Of what is larger than ``max_bytes`` one byte more is copied, so that its size is noticed. Raises SourceError:
    E_SOURCE_NOT_FOUND, or E_SOURCE_UNREADABLE where the place cannot be reached or nothing here knows the way.
    """
    with tempfile.TemporaryDirectory(prefix="ingestkit-") as folder:
        copy = Path(folder, name_of(url))
        with open(copy, "wb") as file:
            _copy(url, file, max_bytes + 1)
        yield copy


def _copy(url: str, file: BinaryIO, max_bytes: int) -> None:
    name = name_of(url)
    try:
        import fsspec
    except ImportError as exc:
        message = f"{name} is at a URL, which needs: pip install 'ingestkit-core[fsspec]'"
        raise SourceError(ErrorCode.E_SOURCE_UNREADABLE, message, recoverable=True) from exc
    try:
        with fsspec.open(url, "rb") as source:
            while max_bytes and (block := source.read(min(_BLOCK_BYTES, max_bytes))):
                file.write(block)
                max_bytes -= len(block)
    except FileNotFoundError as exc:
        # fsspec's HTTP says so too of a host that does not answer.
        if isinstance(exc.__cause__, OSError) and not isinstance(exc.__cause__, FileNotFoundError):
            raise _unreachable(name, exc.__cause__) from exc
        raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"{name} is not at its URL") from exc
    except ImportError as exc:
        raise SourceError(ErrorCode.E_SOURCE_UNREADABLE, f"{name} cannot be fetched: {exc}", recoverable=True) from exc
    except Exception as exc:  # each file system raises what its own library does
        raise _unreachable(name, exc) from exc


def _unreachable(name: str, exc: BaseException) -> SourceError:
    message = f"{name} cannot be fetched from its URL: {type(exc).__name__}"
    return SourceError(ErrorCode.E_SOURCE_UNREADABLE, message, recoverable=True)
