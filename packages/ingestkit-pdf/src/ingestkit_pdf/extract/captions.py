"""What captions of figures and tables begin with. Pure."""

from __future__ import annotations

import re

__all__ = ["is_caption"]

_LONGEST = 700
_LABEL = re.compile(
    r"(?:fig(?:ure|ura|uur|\.)?|abb(?:ildung|\.)?|bild|afbeelding|рис(?:унок|\.)?|rysunek|rys\.|obrázek|kuva|şekil"
    r"|tab(?:le|leau|elle|la|ela|el|ell|elka|ulka|\.)?|cuadro|quadro|taulukko|tablo|табл(?:ица|\.)?"
    r"|gr[aá]fico|graphique|grafik|chart|exhibit|scheme|diagramm?|box|map|plate|[图圖図表])"
    r"\s*(?:[A-Z]{1,2}[.\-–]?)?(?:\d{1,3}|[IVX]{1,5}\b)(?:[.\-–]\d{1,3})*[a-z]?",
    re.IGNORECASE,
)
_DELIMITERS = (".", ":", "|", "–", "—", "-", "(", "：", "．")


def is_caption(text: str, characters: int) -> bool:
    """Whether a text of so many characters is a caption by its first line: ``Figure 3: ...``, ``Tab. 2.1 ...``.

    A sentence about a figure goes on in small letters; a caption does not.
    """
    if characters > _LONGEST or (not any(map(str.isdigit, text[:24])) and " I" not in text and " V" not in text):
        return False
    match = _LABEL.match(text)
    if match is None:
        return False
    rest = text[match.end() :]
    if rest.startswith(_DELIMITERS):
        return True
    rest = rest.lstrip()
    return rest != text[match.end() :] and not rest[:1].islower() if rest else True
