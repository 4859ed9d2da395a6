"""Languages by their ISO 639-1 codes, as the engines name them."""

from __future__ import annotations

__all__ = ["rapidocr_reads", "tesseract_packs"]

_TESSERACT = dict(
    pair.split(":")
    for pair in (
        "af:afr am:amh ar:ara as:asm az:aze be:bel bg:bul bn:ben bo:bod br:bre bs:bos ca:cat co:cos cs:ces cy:cym "
        "da:dan de:deu dv:div dz:dzo el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas fi:fin fo:fao fr:fra fy:fry "
        "ga:gle gd:gla gl:glg gu:guj he:heb hi:hin hr:hrv ht:hat hu:hun hy:hye id:ind is:isl it:ita iu:iku ja:jpn "
        "jv:jav ka:kat kk:kaz km:khm kn:kan ko:kor ku:kmr ky:kir la:lat lb:ltz lo:lao lt:lit lv:lav mi:mri mk:mkd "
        "ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya ne:nep nl:nld no:nor oc:oci or:ori pa:pan pl:pol ps:pus pt:por "
        "qu:que ro:ron ru:rus sa:san sd:snd si:sin sk:slk sl:slv sq:sqi sr:srp su:sun sv:swe sw:swa ta:tam te:tel "
        "tg:tgk th:tha ti:tir to:ton tr:tur tt:tat ug:uig uk:ukr ur:urd uz:uzb vi:vie yi:yid yo:yor zh:chi_sim"
    ).split()
)

_IN_RAPIDOCR = frozenset(
    "af az br bs ca co cs cy da de en eo es et eu fi fo fr fy ga gd gl hr ht hu id is it ja jv la lb lt lv mi ms mt "
    "nl no oc pl pt qu ro sk sl sq su sv sw tr uz vi yo zh".split()
)
"""Latin letters, Chinese and Japanese: what the model in the package's wheel knows. Others would be downloaded."""


def tesseract_packs(language: str) -> list[str]:
    """Tesseract's packs for "en", "zh" or several joined as "en+de"; a pack's own name stands for itself."""
    return [_TESSERACT.get(part.lower(), part) for part in language.split("+") if part]


def rapidocr_reads(language: str) -> bool:
    """Whether RapidOCR reads every one of the languages."""
    return all(part.lower() in _IN_RAPIDOCR for part in language.split("+") if part)
