from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingestkit_core.chunking import ChunkLimits, pack
from ingestkit_core.elements import CellRange, Element, ElementKind, PageBox, Span, visible_length
from ingestkit_core.language import estimate_tokens

pytestmark = pytest.mark.unit

SMALL = ChunkLimits(size_tokens=40, overlap_tokens=10)


def line(text: str, number: int = 0, page: int = 1) -> Span:
    return Span(text, PageBox(page, (0.0, 12.0 * number, 300.0, 12.0 * number + 11.0)), visible_length(text))


def paragraph(*texts: str, page: int = 1) -> Element:
    return Element(ElementKind.PARAGRAPH, tuple(line(text, i, page) for i, text in enumerate(texts)))


def heading(text: str, level: int = 1) -> Element:
    return Element(ElementKind.HEADING, (line(text),), level=level)


def table(rows: int, *, cell: str = "value", header: str = "name | amount") -> Element:
    return Element(
        ElementKind.TABLE,
        tuple(Span(f"{cell} | {i}", CellRange("S", f"A{i + 2}:B{i + 2}"), 2) for i in range(rows)),
        header=(Span(header, CellRange("S", "A1:B1"), 2),),
        table_index=0,
        columns=("name", "amount"),
    )


words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=60).filter(str.strip)
elements = st.lists(
    st.one_of(
        st.lists(words, min_size=1, max_size=5).map(lambda texts: paragraph(*texts)),
        words.map(heading),
        words.map(lambda text: replace(paragraph(text), is_apart=True)),
        st.integers(1, 30).map(table),
        words.map(lambda text: Element(ElementKind.LIST_ITEM, (line(text),))),
        words.map(lambda text: Element(ElementKind.SCHEMA, (Span(text, CellRange("S", "A1"), 0),), table_index=0)),
    ),
    max_size=25,
)


@given(elements, st.integers(16, 80), st.integers(0, 15), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_and_nothing_is_too_large(
    given_elements: list[Element], size: int, overlap: int, by_heading: bool, by_table: bool
) -> None:
    limits = ChunkLimits(size, overlap, by_heading, by_table)
    packed = pack(given_elements, limits)
    spans = [span for element in given_elements for span in (*element.header, *element.spans)]
    assert sum(packed.emitted.values()) == sum(span.count for span in spans)
    everything = "".join("".join(chunk.text.split()) for chunk in packed.chunks)
    have, need = Counter(everything), Counter("".join("".join(s.text.split()) for s in spans))
    assert not need - have
    for chunk in packed.chunks:
        assert estimate_tokens(chunk.text) <= size + 1
        assert chunk.text.strip()
        assert chunk.locations


def test_the_header_of_a_table_asks_for_room_too() -> None:
    header = "a header of many words that takes nearly half of the chunk"
    before = paragraph("The text before it, which leaves no room for a header of that length here.")
    for limits in (ChunkLimits(30, 0, True, False), ChunkLimits(30, 0, True, True)):
        for above in ([before], [heading("The title of a chapter that is as long as that, and longer than it was.")]):
            packed = pack([*above, table(4, header=header)], limits)
            assert all(estimate_tokens(chunk.text) <= 31 for chunk in packed.chunks)
            assert all(header in chunk.text for chunk in packed.chunks[1:])


def test_a_heading_begins_a_chunk_and_names_the_path() -> None:
    packed = pack(
        [heading("One"), paragraph("a"), heading("Deep", 2), paragraph("b"), heading("Two"), paragraph("c")],
        SMALL,
    )
    assert [(chunk.text, chunk.heading_path) for chunk in packed.chunks] == [
        ("One\n\na", ("One",)),
        ("Deep\n\nb", ("One", "Deep")),
        ("Two\n\nc", ("Two",)),
    ]


def test_headings_without_text_between_stay_together() -> None:
    packed = pack([heading("One"), heading("Deep", 2), paragraph("b")], SMALL)
    assert [chunk.text for chunk in packed.chunks] == ["One\n\nDeep\n\nb"]


def test_every_chunk_of_a_table_has_its_header_and_cites_it() -> None:
    packed = pack([paragraph("before"), table(30), paragraph("after")], SMALL)
    tables = [chunk for chunk in packed.chunks if chunk.content_type == "table"]
    assert len(tables) > 2
    assert all(chunk.text.startswith("name | amount\n") for chunk in tables)
    assert all("before" not in chunk.text and "after" not in chunk.text for chunk in tables)
    assert sum(chunk.row_count or 0 for chunk in tables) == 30
    assert tables[1].locations[0] == CellRange("S", "A1:B1")
    assert packed.emitted["S"] == 62


def test_a_header_larger_than_half_a_chunk_is_told_once() -> None:
    packed = pack([table(20, header="long " * 25)], SMALL)
    assert sum("long" in chunk.text for chunk in packed.chunks) == 1
    assert sum(chunk.row_count or 0 for chunk in packed.chunks) == 20


def test_a_row_larger_than_a_chunk_is_split_between_words() -> None:
    packed = pack([table(1, cell="word " * 200)], SMALL)
    assert len(packed.chunks) > 3
    assert {w for chunk in packed.chunks for w in chunk.text.split()} == {"name", "|", "amount", "word", "0"}


def test_overlap_repeats_whole_lines_inside_a_section_only() -> None:
    texts = [f"Line number {i} says little." for i in range(12)]
    packed = pack([paragraph(*texts), heading("Next"), paragraph("fresh")], SMALL)
    first, second = packed.chunks[0], packed.chunks[1]
    assert first.text.split("Line")[-1] in second.text
    assert packed.chunks[-1].text == "Next\n\nfresh"
    assert sum(packed.emitted.values()) == sum(visible_length(t) for t in [*texts, "Next", "fresh"])


def test_without_overlap_nothing_is_repeated() -> None:
    texts = [f"Line number {i} says little." for i in range(12)]
    packed = pack([paragraph(*texts)], ChunkLimits(40, 0))
    assert " ".join(chunk.text for chunk in packed.chunks) == " ".join(texts)


def test_lines_of_scripts_without_spaces_are_joined_without_one() -> None:
    assert pack([paragraph("太陽電池", "パネル")], SMALL).chunks[0].text == "太陽電池パネル"


def test_a_schema_stands_alone_and_counts_nothing() -> None:
    schema = Element(ElementKind.SCHEMA, (Span("columns: a", CellRange("S", "A1:B9"), 0),), table_index=0)
    packed = pack([paragraph("text"), schema, paragraph("more")], SMALL)
    assert [chunk.content_type for chunk in packed.chunks] == ["text", "schema", "text"]
    assert packed.chunks[1].table_index == 0
    assert "S" not in packed.emitted or packed.emitted["S"] == 0


def test_a_sentence_at_the_top_leaves_most_chunks_as_they_were() -> None:
    chosen = random.Random(7)
    vocabulary = ["".join(chosen.choices("abcdefghijklmnop", k=chosen.randint(2, 9))) for _ in range(3000)]
    body = [
        paragraph(*(" ".join(chosen.choices(vocabulary, k=12)) for _ in range(6)), page=1 + i // 8) for i in range(830)
    ]
    before = {chunk.chunk_hash for chunk in pack(body, ChunkLimits()).chunks}
    after = [chunk.chunk_hash for chunk in pack([paragraph("One more sentence."), *body], ChunkLimits()).chunks]
    changed = sum(chunk not in before for chunk in after)
    assert changed / len(after) <= 0.25


def test_metadata_of_elements_reaches_the_chunk() -> None:
    element = Element(ElementKind.PARAGRAPH, (line("x"),), metadata=(("sheet_name", "S"), ("region_id", "r1")))
    assert pack([element], SMALL).chunks[0].metadata == {"sheet_name": "S", "region_id": "r1"}


def test_equal_input_packs_equally() -> None:
    body = [paragraph(*(f"sentence {i} of {j}." for i in range(7))) for j in range(20)]
    assert pack(body, SMALL) == pack(body, SMALL)


def test_a_caption_goes_with_the_table_below_it() -> None:
    caption = Element(ElementKind.CAPTION, (line("Table 1: Rates"),))
    before, captioned = pack([paragraph("Before it."), caption, table(1)], ChunkLimits()).chunks
    assert before.text == "Before it."
    assert captioned.text.startswith("Table 1: Rates\n\nname | amount\n")
    assert captioned.content_type == "table"


def test_what_a_picture_says_stands_apart_with_its_captions() -> None:
    above, below = (Element(ElementKind.CAPTION, (line(text),)) for text in ("Table 1: Ships", "Figure 2: Years"))
    shown = [replace(paragraph(text), is_apart=True) for text in ("in the picture", "and in it")]
    packed = pack([heading("A"), paragraph("one"), above, *shown, below, paragraph("two")], ChunkLimits())
    assert [chunk.text for chunk in packed.chunks] == [
        "A\n\none",
        "Table 1: Ships\n\nin the picture\n\nand in it\n\nFigure 2: Years",
        "two",
    ]
    assert {chunk.heading_path for chunk in packed.chunks} == {("A",)}
