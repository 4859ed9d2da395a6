"""What lies on a sheet above its cells: charts, pictures, text boxes, diagrams.

A part that cannot be read costs what it would have told, never the sheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from ingestkit_excel.workbook.markup import attribute, local_name, whole_number
from ingestkit_excel.workbook.package import Package, relations_if_readable, tree_if_readable
from ingestkit_excel.workbook.values import Aside, AsideKind, Chart, Rectangle

__all__ = ["read_drawing"]

_SAY_NOTHING = ("picture", "image")
"""What programs write as the description of a picture when nobody has written one."""


def read_drawing(package: Package, part: str) -> tuple[list[Chart], list[Aside], int]:
    """The charts of a drawing, the texts on it, and how many pictures it has."""
    tree, relations = tree_if_readable(package, part), relations_if_readable(package, part)
    anchors = list(_anchors(tree))
    places = {identifier: place for element, place in anchors for identifier in _referred(element)}
    charts = [
        _chart(tree_if_readable(package, relation.target), places.get(identifier))
        for identifier, relation in relations.items()
        if relation.kind in ("chart", "chartEx")
    ]
    texts = [text for element, place in anchors for text in _texts(element, place)]
    diagrams = [
        Aside(AsideKind.DIAGRAM, text, places.get(identifier))
        for identifier, relation in relations.items()
        if relation.kind == "diagramData" and (text := _words(tree_if_readable(package, relation.target)))
    ]
    return charts, [*texts, *diagrams], sum(relation.kind == "image" for relation in relations.values())


def _anchors(drawing: ElementTree.Element | None) -> Iterator[tuple[ElementTree.Element, Rectangle | None]]:
    """What is anchored on the sheet, and where."""
    for anchor in drawing if drawing is not None else ():
        corners = [_corner(corner) for corner in anchor if local_name(corner) in ("from", "to")]
        yield anchor, Rectangle(*corners[0], *corners[-1]) if corners else None


def _corner(corner: ElementTree.Element) -> tuple[int, int]:
    numbers = {local_name(child): whole_number((child.text or "").strip()) + 1 for child in corner}
    return numbers.get("row", 1), numbers.get("col", 1)


def _referred(anchor: ElementTree.Element) -> Iterator[str]:
    names = {"chart": "id", "relIds": "dm"}
    for element in anchor.iter():
        name = names.get(local_name(element))
        if name is not None and (identifier := attribute(element, name)):
            yield identifier


def _shown(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """An element and what is in it, without what is there for older programs only."""
    yield element
    for child in element:
        if local_name(child) != "Fallback":
            yield from _shown(child)


def _texts(anchor: ElementTree.Element, place: Rectangle | None) -> Iterator[Aside]:
    for element in _shown(anchor):
        name = local_name(element)
        if name == "txBody" and (text := _text(element)):
            yield Aside(AsideKind.TEXT_BOX, text, place)
        elif name == "pic":
            properties = next((child for child in element.iter() if local_name(child) == "cNvPr"), element)
            text = " ".join(properties.get("descr", "").split())
            if text and text != properties.get("name") and text.casefold() not in _SAY_NOTHING:
                yield Aside(AsideKind.PICTURE, text, place)


def _text(body: ElementTree.Element) -> str:
    """The paragraphs of a text box, line by line."""
    lines = (
        "".join(part.text or "" for part in paragraph.iter() if local_name(part) == "t")
        for paragraph in body
        if local_name(paragraph) == "p"
    )
    return "\n".join(line for text in lines if (line := " ".join(text.split())))


def _words(diagram: ElementTree.Element | None) -> str:
    """What the shapes of a diagram say, shape by shape."""
    points = diagram.iter() if diagram is not None else ()
    return "\n".join(text for point in points if local_name(point) == "t" and len(point) and (text := _text(point)))


def _chart(chart: ElementTree.Element | None, place: Rectangle | None) -> Chart:
    if chart is None:
        return Chart((), place)
    elements = list(chart.iter())
    titles = [_said(element, ("t", "v")) for element in elements if local_name(element) == "title"]
    of_series = [child for element in elements if local_name(element) in ("ser", "series") for child in element]
    series = [_said(child, ("v",)) for child in of_series if local_name(child) in ("tx",)]
    return Chart(_distinct(titles), place, _distinct(series))


def _said(element: ElementTree.Element, names: tuple[str, ...]) -> str:
    return " ".join("".join(part.text or "" for part in element.iter() if local_name(part) in names).split())


def _distinct(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
