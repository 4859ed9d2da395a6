"""What must not be said aloud is blanked out of logs and messages. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestkit_core.errors import IngestError
from ingestkit_core.paths import printable

__all__ = ["Redactor"]

_BLANK = "[redacted]"


class Redactor:
    """Blanks whatever matches one of the patterns. Raises ``re.error`` for a pattern that is none."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._pattern = re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None

    def text(self, text: str) -> str:
        """The text without what matches, and valid: a message may hold a file's name that is not."""
        text = printable(text)
        return text if self._pattern is None else self._pattern.sub(_BLANK, text)

    def record(self, error: IngestError) -> IngestError:
        """The error with its message redacted."""
        return error.model_copy(update={"message": self.text(error.message)})
