"""The texts of a workbook: shared strings, rich text, and the escapes both use.

A shared string is ``<si><t>plain</t></si>`` or runs ``<si><r>..<t>..</t></r>..</si>``; phonetic runs (``rPh``) are a
reading aid and no part of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from xml.etree import ElementTree

from ingestkit_excel.workbook.markup import local_name, parse_tree
from ingestkit_excel.workbook.package import Package
from ingestkit_excel.workbook.spill import Spill, SpilledColumn

__all__ = ["Strings", "are_plain", "clean_text", "plain_text", "read_shared_strings", "rich_text", "tree_text"]

_LARGE_BYTES = 32 << 20
"""Shared strings whose XML is larger go into a file."""
_PAGE = 4096

_ITEM = re.compile(r"<si>(?:<t[^>]*+>([^<]*+)</t></si>|(.*?)</si>)|<si ?/>", re.DOTALL)
_PHONETIC = re.compile(r"<rPh\b.*?</rPh>", re.DOTALL)
_TEXT = re.compile(r"<t(?: [^>]*)?>([^<]*)</t>")
_ENTITY = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_PREFIX = re.compile(r"<(\w+):sst\b")
_SEPARATOR = "\x00"
_BLANK = re.compile(r"\x00\s*\x00")


def are_plain(values: Sequence[str | None]) -> bool:
    """Whether raw XML texts say what they mean: nothing is escaped, marked up or blank."""
    texts = values if None not in values else [text for text in values if text is not None]
    joined = _SEPARATOR.join(("", *texts, ""))  # type: ignore[arg-type]  # it holds no None
    special = "&" in joined or "<" in joined or "_x" in joined or "\r" in joined
    return not special and _BLANK.search(joined) is None


def clean_text(text: str) -> str | None:
    """Raw XML text as a person reads it; None where it is blank."""
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    return plain_text(text)


def plain_text(text: str) -> str | None:
    """Text an XML parser gave, with Excel's own escapes resolved; None where it is blank."""
    if "_x" in text:
        text = _ESCAPE.sub(_escaped, text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text and not text.isspace() else None


def _escaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character >= " " or character in "\t\n\r" else ""


def _entity(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED[match[3]]
    code = int(match[1], 16) if match[1] else int(match[2])
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"


def rich_text(xml: str) -> str | None:
    """The text of raw ``<si>`` or ``<is>`` content, phonetic runs left out; None where it is blank."""
    if "<rPh" in xml:
        xml = _PHONETIC.sub("", xml)
    return clean_text("".join(_TEXT.findall(xml)))


def tree_text(element: ElementTree.Element) -> str:
    """The text of all ``t`` elements below one, phonetic runs left out."""
    return "".join(_tree_texts(element))


def _tree_texts(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        name = local_name(child)
        if name == "t":
            yield child.text or ""
        elif name != "rPh":
            yield from _tree_texts(child)


class Strings:
    """Shared strings, None for blank ones. ``longest`` is the length of the longest."""

    def __init__(self, texts: Sequence[str | None] = ()) -> None:
        self._texts = texts
        self.longest = max((len(text) for text in texts if text is not None), default=0)

    def look_up(self, indexes: Sequence[str | None]) -> list[str | None]:
        """The texts of indexes as cells have them, None for None. Raises LookupError where there is none."""
        try:
            if None not in indexes:
                return self._found(list(map(int, indexes)))  # type: ignore[arg-type]  # it holds no None
            found = iter(self._found([int(index) for index in indexes if index is not None]))
        except ValueError as exc:
            raise LookupError from exc
        return [None if index is None else next(found) for index in indexes]

    def get(self, index: str) -> str | None:
        """One text; None where there is none."""
        try:
            return self.look_up([index])[0] if index.isascii() and index.isdigit() else None
        except LookupError:
            return None

    def _found(self, indexes: list[int]) -> list[str | None]:
        if indexes and min(indexes) < 0:
            raise LookupError
        return list(map(self._texts.__getitem__, indexes))


class SpilledStrings(Strings):
    """Shared strings of a large workbook, in a file: pages of some thousand, looked up page by page."""

    def __init__(self, texts: Iterable[str | None]) -> None:
        super().__init__()
        self._spill = Spill()
        self._count = 0
        self._pages: list[SpilledColumn] = []
        waiting = iter(texts)
        while page := list(islice(waiting, _PAGE)):
            self._count += len(page)
            self.longest = max(self.longest, *(len(text) for text in page if text is not None), 0)
            self._pages.append(self._spill.put(page))

    def _found(self, indexes: list[int]) -> list[str | None]:
        if indexes and not 0 <= min(indexes) <= max(indexes) < self._count:
            raise LookupError
        found: list[str | None] = [None] * len(indexes)
        # Sorted by page: no more than one is needed at a time, whatever their order in the sheet.
        order = sorted(range(len(indexes)), key=indexes.__getitem__)
        for page, places in groupby(order, key=lambda place: indexes[place] // _PAGE):
            texts = self._spill.look(self._pages[page])
            for place in places:
                found[place] = texts[indexes[place] % _PAGE]
        return found


def read_shared_strings(package: Package, name: str) -> Strings:
    """The shared strings. Raises PartError, SecurityError."""
    if package.size(name) > _LARGE_BYTES:
        try:
            return SpilledStrings(_items_in_turn(package.text_blocks(name)))
        except _NotRegular:
            pass
    text = package.text(name)
    found = _items(_without_prefix(text, _prefix(text)))
    if found is None:
        tree = parse_tree(text, name)
        found = [plain_text(tree_text(item)) for item in tree if local_name(item) == "si"]
    return Strings(found)


class _NotRegular(Exception):
    """The XML is not written the way producers write it."""


def _prefix(text: str) -> str:
    found = _PREFIX.search(text, 0, 4096)
    return found[1] if found is not None else ""


def _without_prefix(text: str, prefix: str) -> str:
    return text.replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</") if prefix else text


def _items(text: str) -> list[str | None] | None:
    """The strings in XML text; None where it is not written the way producers write it."""
    items = _ITEM.findall(text)
    regular = "<![CDATA[" not in text and "<!--" not in text
    if not regular or len(items) != text.count("<si>") + text.count("<si/>") + text.count("<si />"):
        return None
    return [clean_text(plain) if plain else rich_text(runs) if runs else None for plain, runs in items]


def _items_in_turn(texts: Iterable[str]) -> Iterator[str | None]:
    """The strings of a part that comes block by block. Raises _NotRegular."""
    rest = ""
    prefix: str | None = None
    for text in texts:
        rest += text
        prefix = _prefix(rest) if prefix is None else prefix
        whole, end, rest = rest.rpartition(f"</{prefix}:si>" if prefix else "</si>")
        found = _items(_without_prefix(whole + end, prefix))
        if found is None:
            raise _NotRegular
        yield from found
    if "<si" in _without_prefix(rest, prefix or ""):
        raise _NotRegular
