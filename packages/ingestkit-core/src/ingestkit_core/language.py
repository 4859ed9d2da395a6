"""Which language a text is in and how many tokens it makes. Pure, no model, no download.

Scripts that belong to one language decide alone; Latin text is decided by its most frequent function
words. Good enough to choose stemming and word segmentation; it never pretends to know more: a text with no
evidence has language None.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["WIDE", "detect_language", "estimate_tokens"]

WIDE = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # Han
    "\u1100-\u11ff\uac00-\ud7af"  # Hangul
)
"""Character ranges of the scripts searched by bigrams: no spaces between words, or compounds hide them."""

_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (language, re.compile(f"[{ranges}]"))
    for language, ranges in (
        ("ja", "\u3040-\u30ff\u31f0-\u31ff"),
        ("ko", "\u1100-\u11ff\uac00-\ud7af"),
        ("th", "\u0e00-\u0e7f"),
        ("lo", "\u0e80-\u0eff"),
        ("km", "\u1780-\u17ff"),
        ("zh", "\u3400-\u4dbf\u4e00-\u9fff"),
        ("ar", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff"),
        ("he", "\u0590-\u05ff"),
        ("ru", "\u0400-\u04ff"),
        ("el", "\u0370-\u03ff"),
        ("hi", "\u0900-\u097f"),
        ("hy", "\u0530-\u058f"),
        ("ka", "\u10a0-\u10ff"),
    )
)

_FUNCTION_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in (
        ("en", "the of and to in is for that with are by this be on as from which not was have"),
        ("de", "der die und das den von zu mit ist des sich auf für nicht ein eine dem im auch werden"),
        ("fr", "le la les de des et en un une du est que pour dans qui sur par au pas avec"),
        ("es", "el la los las de del y en un una es que para por con se no al su como"),
        ("it", "il la di che e è un una per con del della dei non si le gli da al nel"),
        ("pt", "o a os as de do da dos das e em um uma é que para com não por no na ao"),
        ("nl", "de het een en van in is op te dat die voor met zijn niet aan er om bij ook"),
        ("sv", "och att det som en på är av för med till den inte om ett har de var vid från"),
        ("pl", "i w na z do że się nie jest to o jak po od za przez dla oraz są który"),
    )
}

_LANGUAGES_OF: dict[str, tuple[str, ...]] = {
    word: tuple(language for language, words in _FUNCTION_WORDS.items() if word in words)
    for word in frozenset().union(*_FUNCTION_WORDS.values())
}

_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile("[\x00-\u036f]+")
_SAMPLE_CHARACTERS = 8000
_MIN_EVIDENCE = 3


def detect_language(text: str) -> str | None:
    """The ISO 639-1 code of a text's language, None without evidence. Reads the first 8,000 characters."""
    sample = text[:_SAMPLE_CHARACTERS]
    if not sample.isascii():
        by_script = _by_script(sample)
        if by_script is not None:
            return by_script
    scores = dict.fromkeys(_FUNCTION_WORDS, 0)
    counts = Counter(_WORD.findall(sample.lower()))
    for word in counts.keys() & _LANGUAGES_OF.keys():
        for language in _LANGUAGES_OF[word]:
            scores[language] += counts[word]
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] >= _MIN_EVIDENCE else None


def _by_script(sample: str) -> str | None:
    beyond = _LATIN.sub("", sample)
    if not any(pattern.search(beyond) for _, pattern in _SCRIPTS):
        return None
    letters = sum(map(str.isalpha, sample))
    for language, pattern in _SCRIPTS:
        # Japanese mixes kana into Han: a tenth of kana already decides.
        needed = 0.1 if language == "ja" else 0.4
        if letters and len(pattern.findall(beyond)) >= needed * letters:
            return language
    return None


_WIDE_CHARACTER = re.compile(f"[{WIDE}]")
_NARROW_NON_ASCII = re.compile(f"[^\x00-\x7f{WIDE}]")


def estimate_tokens(text: str) -> int:
    """About how many tokens a text makes in today's subword vocabularies.

    Four characters to a token in ASCII, two in other alphabets, one in scripts without spaces; at least one
    a word.
    """
    if text.isascii():
        return max((len(text) + 3) // 4, text.count(" ") + 1) if text else 0
    wide = len(_WIDE_CHARACTER.findall(text))
    narrow = len(_NARROW_NON_ASCII.findall(text))
    return max(wide + (narrow + 1) // 2 + (len(text) - wide - narrow + 3) // 4, text.count(" ") + 1)
