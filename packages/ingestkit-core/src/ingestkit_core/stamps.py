"""What a listing says of a file, as far as it does: by this a file that did not change is told without its bytes."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NOTHING_SAID", "Stamp", "stamp_of_file", "stamp_of_listing"]

_ETAGS = ("ETag", "etag", "e_tag", "md5Hash", "blob_id", "sha", "CRC")
_TIMES = ("mtime", "LastModified", "last_modified", "modified", "updated", "modify")
_FTP_TIME = "%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True)
class Stamp:
    """None, 0 and empty where a file system does not say. An ``etag`` is other where the bytes are other."""

    size_bytes: int | None = None
    modified_ns: int = 0
    etag: str = ""

    @property
    def tells_changes(self) -> bool:
        """Whether two equal stamps mean equal bytes."""
        return self.size_bytes is not None and bool(self.modified_ns or self.etag)


NOTHING_SAID = Stamp()


def stamp_of_file(status: os.stat_result) -> Stamp:
    """What the disk says."""
    return Stamp(status.st_size, status.st_mtime_ns)


def stamp_of_listing(entry: Mapping[str, Any]) -> Stamp:
    """What an entry of a listing says; each file system has names of its own for it."""
    size = entry.get("size")
    times = (_nanoseconds(entry.get(name)) for name in _TIMES)
    etags = (str(entry[name]).strip('"') for name in _ETAGS if entry.get(name) not in (None, ""))
    return Stamp(size if isinstance(size, int) else None, next(filter(None, times), 0), next(etags, ""))


def _nanoseconds(value: Any) -> int:
    """A time in any of the ways there are; 0 for what is none."""
    try:
        if isinstance(value, int | float):
            return int(value * 1_000_000_000)
        if isinstance(value, str):
            digits = value.partition(".")[0]
            is_ftp = digits.isdigit() and len(digits) == len("20240131235959")
            value = datetime.datetime.strptime(digits, _FTP_TIME) if is_ftp else datetime.datetime.fromisoformat(value)
        if isinstance(value, datetime.datetime):
            zoned = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
            return int(zoned.timestamp()) * 1_000_000_000 + zoned.microsecond * 1000
    except (ValueError, OverflowError):
        pass
    return 0
