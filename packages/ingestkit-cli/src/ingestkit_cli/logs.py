"""Logging to stderr, where it was asked for; silence otherwise."""

from __future__ import annotations

import json
import logging
from enum import StrEnum

__all__ = ["LogFormat", "is_logging", "start_logging"]


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


def start_logging(form: LogFormat | None, verbose: bool) -> None:
    """Write the log to stderr if a form was chosen or ``verbose`` is set; else keep it from being written at all."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if handler.name == "ingestkit"]:
        root.removeHandler(handler)
    # Without any handler Python writes warnings to stderr by itself.
    handler = logging.StreamHandler() if form or verbose else logging.NullHandler()
    handler.name = "ingestkit"
    handler.setFormatter(_JsonLines() if form is LogFormat.JSON else logging.Formatter(_LINE))
    root.addHandler(handler)
    root.setLevel(logging.INFO if form or verbose else logging.WARNING)


def is_logging() -> bool:
    """Whether log lines go to stderr."""
    return any(
        handler.name == "ingestkit" and isinstance(handler, logging.StreamHandler)
        for handler in logging.getLogger().handlers
    )


_LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
