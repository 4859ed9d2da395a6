"""The texts of a workbook: shared strings, rich text, and the escapes both use.

A shared string is ``<si><t>plain</t></si>`` or runs ``<si><r>..<t>..</t></r>..</si>``; phonetic runs (``rPh``) are a
reading aid and no part of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from ingestkit_excel.workbook.package import Package, local_name, parse_tree

__all__ = ["clean_text", "read_shared_strings", "rich_text", "tree_text"]

_ITEM = re.compile(r"<si>(?:<t[^>]*+>([^<]*+)</t></si>|(.*?)</si>)|<si ?/>", re.DOTALL)
_PHONETIC = re.compile(r"<rPh\b.*?</rPh>", re.DOTALL)
_TEXT = re.compile(r"<t(?: [^>]*)?>([^<]*)</t>")
_ENTITY = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_PREFIX = re.compile(r"<(\w+):sst\b")


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


def read_shared_strings(package: Package, name: str) -> list[str | None]:
    """The shared strings in order, None for blank ones. Raises PartError, SecurityError."""
    text = package.text(name)
    prefix = _PREFIX.search(text, 0, 4096)
    if prefix is not None:
        text = text.replace(f"<{prefix[1]}:", "<").replace(f"</{prefix[1]}:", "</")
    items = _ITEM.findall(text)
    regular = "<![CDATA[" not in text and "<!--" not in text
    if regular and len(items) == text.count("<si>") + text.count("<si/>") + text.count("<si />"):
        return [clean_text(plain) if plain else rich_text(runs) if runs else None for plain, runs in items]
    return [plain_text(tree_text(item)) for item in parse_tree(package.text(name), name) if local_name(item) == "si"]
