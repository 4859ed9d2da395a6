"""Addresses of folders and of what lies in them, written as source URIs are: paths and URLs. Pure.

    s3://bucket/reports + 2024/a.pdf                 = s3://bucket/reports/2024/a.pdf
    zip://reports::file:///box.zip + 2024/a.pdf      = zip://reports/2024/a.pdf::file:///box.zip

The chain behind ``::`` says in what the first part lies, so it is the first part that grows.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ingestkit_core.keys import is_url, source_uri_of

__all__ = ["below", "folder_uri", "has_password", "is_whole_file", "joined", "name_of", "scheme_of"]

_LOCAL = ("file", "local")
_WEB = ("http", "https")
_LONGEST_NAME_BYTES = 200


def scheme_of(url: str) -> str:
    """The protocol of the first URL of a chain."""
    return url.partition("://")[0]


def is_whole_file(url: str) -> bool:
    """Whether nothing but a file can be there: the web has no folders."""
    return scheme_of(url) in _WEB


def has_password(url: str) -> bool:
    """Whether it holds one, which no source URI does."""
    return source_uri_of(url) != source_uri_of(url, with_password=True)


def folder_uri(path: str | Path, *, with_password: bool = False) -> str:
    """The URI of a file or folder that is asked for: however it is written, what lies in it gets the same URIs."""
    if not is_url(path):
        return source_uri_of(path)
    uri = source_uri_of(path, with_password=with_password)
    if is_whole_file(uri):
        return uri
    first, mark, rest = uri.partition("::")
    scheme, _, place = first.partition("://")
    if scheme in _LOCAL:
        place = Path(os.path.abspath(os.path.expanduser(place))).as_posix()
    return f"{scheme}://{place.rstrip('/') or place[:1]}{mark}{rest}"


def joined(folder: str, relative: str) -> str:
    """The URI of what lies in a folder."""
    first, mark, rest = folder.partition("::")
    return f"{_entered(first)}{relative}{mark}{rest}"


def below(uri: str, folder: str) -> PurePosixPath | None:
    """Where a source lies in a folder; ``.`` for the folder itself, None for what lies elsewhere."""
    if uri == folder:
        return PurePosixPath()
    if not is_url(folder):
        entered, end = _entered(folder), ""
    else:
        first, mark, rest = folder.partition("::")
        entered, end = _entered(first), mark + rest
    if not uri.startswith(entered) or not uri.endswith(end):
        return None
    relative = uri[len(entered) : len(uri) - len(end)]
    return PurePosixPath(relative) if relative and not (is_url(folder) and "::" in relative) else None


def name_of(uri: str) -> str:
    """The file's own name: the last part of the first URL of a chain, on the web without what follows it."""
    if not is_url(uri):
        return Path(uri).name
    place = uri.partition("::")[0].partition("://")[2]
    if is_whole_file(uri):
        place = unquote(urlsplit(uri).path)
    # A version of an object: its name ends before it.
    name = re.sub(r"\?versionId=.*$", "", PurePosixPath(place).name).replace("\0", "")
    return name.encode("utf-8", "replace")[-_LONGEST_NAME_BYTES:].decode("utf-8", "ignore") or "document"


def _entered(folder: str) -> str:
    return folder if folder.endswith("/") else f"{folder}/"
