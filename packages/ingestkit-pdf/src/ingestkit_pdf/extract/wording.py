"""Whether a text reads as a heading does, whatever it is set in. Pure."""

from __future__ import annotations

import re

from ingestkit_core.language import WIDE

from ingestkit_pdf.extract.captions import is_caption

__all__ = ["NUMBER", "NUMBERED", "WIDE_WORD", "WORD", "reads_as_heading"]

_MAX_CHARACTERS = 200
_SENTENCE_WORDS = 9
_LABEL_WORDS = 3

_SENTENCE_END = re.compile(r"[.;,:!]$")
WIDE_WORD = re.compile(f"[{WIDE}]{{2}}")
WORD = re.compile(f"[^\\W\\d_]{{3}}|[{WIDE}]{{2}}")
NUMBER = re.compile(r"(?:\d+(?:\.\d+)*|[A-Z]|[IVX]+)[.):]?")
_NO_HEADING = re.compile(r"@\w|https?:|www\.|(?:[.·…_]\s?){5}")
"""Addresses, and the leaders of contents."""
NUMBERED = re.compile(r"^(?:\d+(?:\.\d+)*\.?|[A-Z]\.|[IVX]+\.)\s+\S")


def reads_as_heading(text: str, large: bool) -> bool:
    """Whether it may be one: short, with words, and neither a sentence nor an address nor a caption. Of ``large`` text
    less is asked.
    """
    if len(text) > _MAX_CHARACTERS or WORD.search(text) is None:
        return False
    if _NO_HEADING.search(text) is not None or is_caption(text, len(text)):
        return False
    if large:
        return not text.endswith((",", ";")) and not _is_sentence(text)
    if text.endswith(":") and text.count(" ") >= _LABEL_WORDS:
        return True
    return _SENTENCE_END.search(text) is None or (NUMBERED.match(text) is not None and len(text) < 100)


def _is_sentence(text: str) -> bool:
    """Whether it is a whole sentence, or several: large text, and no heading."""
    return text.endswith((".", "。")) and (len(text.split()) >= _SENTENCE_WORDS or "。" in text[:-1])
