"""How a stored text is compared with what another reader finds in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_core.elements import CellRange, PageBox, TableColumn
from ingestkit_core.errors import SourceError
from ingestkit_core.keys import hash_text
from ingestkit_core.ledger import Ledger, UnitLedger
from ingestkit_core.models import OCRStageResult, ProcessingResult
from ingestkit_core.stores.base import QueryError
from ingestkit_core.testing import TextRouter, write_text
from ingestkit_core.verification import (
    Measure,
    Passage,
    Request,
    Rows,
    bytes_to_verify,
    measure,
    questions_in,
    tokens_of,
    write_questions,
)
from ingestkit_core.verifying import came_in, verify_sources

pytestmark = pytest.mark.unit

TEXT = "The harbour office opens at nine and closes at five, except on the third of May (see page 12)."
OTHER = "Every invoice above four thousand euros is signed by two people before the accountant pays it."


def measured(stored: str, there: str, optional: str = "", *, repeats: bool = False) -> tuple[float, float]:
    found = measure(tokens_of(stored), tokens_of(there), tokens_of(optional), repeats=repeats)
    return round(found.precision, 2), round(found.recall, 2)


@pytest.mark.parametrize(
    "there",
    [
        TEXT,
        TEXT.upper(),
        " ".join(reversed(TEXT.split())),
        TEXT.replace(" ", ""),
        TEXT.replace("harbour", "har bour").replace("of May", "ofMay"),
        "  ".join(TEXT),
        TEXT.replace("fi", "\ufb01"),
    ],
)
def test_order_case_ligatures_and_where_words_end_are_nothing(there: str) -> None:
    assert measured(TEXT, there) == (1.0, 1.0)


def test_what_is_lost_lowers_recall_and_what_is_invented_precision() -> None:
    assert measured(TEXT.replace(" nine", ""), TEXT) == (1.0, 0.95)
    assert measured(TEXT, TEXT.replace(" nine", "")) == (0.95, 1.0)
    assert measured(TEXT, TEXT.replace("nine", "eight")) == (0.95, 0.95)
    assert measured("12 34", "12 35") == (0.5, 0.5)


def test_a_citation_holds_from_so_many_tokens_on_both_ways() -> None:
    assert Measure(0.95, 0.95).matches
    assert not Measure(0.949, 1.0).matches
    assert not Measure(1.0, 0.949).matches


def test_another_text_is_another_text() -> None:
    precision, recall = measured(TEXT, OTHER)
    assert max(precision, recall) < 0.5
    assert measured(TEXT, "") == (0.0, 1.0)
    assert measured("", TEXT) == (1.0, 0.0)
    assert measured(TEXT, f"{TEXT} {OTHER}")[1] < 0.7


def test_said_twice_is_once_too_often_unless_it_is_a_table() -> None:
    assert measured("North 5 North 7", "North 5 7") == (0.75, 1.0)
    assert measured("North 5 North 7", "North 5 7", repeats=True) == (1.0, 1.0)
    assert measured("North 5 South 7", "North 5 7", repeats=True) == (0.75, 1.0)


def test_what_is_optional_may_be_there_and_need_not() -> None:
    assert measured("name Ada", "Ada", "name") == (1.0, 1.0)
    assert measured("Ada", "Ada", "name") == (1.0, 1.0)


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    assert measured("東京の天気", "天気の東京") == (1.0, 1.0)
    assert measured("東京の天気", "東京の元気") == (0.8, 0.8)


@given(st.lists(st.sampled_from(["a", "b", "ab", "abc", "7", "10"]), min_size=1), st.randoms())
def test_shares_are_shares_and_the_same_is_the_same(tokens: list[str], random: object) -> None:
    other = [token for token in tokens if random.random() < 0.7]  # type: ignore[attr-defined]
    found = measure(tokens, other)
    assert 0 <= found.precision <= 1
    assert 0 <= found.recall <= 1
    assert measure(tokens, list(reversed(tokens))).matches


def test_questions_come_back_as_they_were_asked(tmp_path: Path) -> None:
    questions = [
        Passage("chunk 0", "text", (PageBox(1, (0.0, 0.0, 1.0, 1.0)),)),
        Rows("t", (TableColumn("a", "A", "integer"),), ((1, (5,), CellRange("S", "A1")),)),
    ]
    write_questions(tmp_path / "q", questions)
    assert list(questions_in(str(tmp_path / "q"))) == questions


def test_other_bytes_are_not_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("text", encoding="utf-8")
    assert bytes_to_verify(str(file), Request("", {}, hash_text("text"))) == b"text"
    with pytest.raises(SourceError) as changed:
        bytes_to_verify(str(file), Request("", {}, hash_text("old text")))
    assert changed.value.code == "E_SOURCE_CHANGED"


def test_pages_that_ocr_read_are_not_counted_by_others() -> None:
    units = tuple(UnitLedger(unit=f"page {number}", source=number * 100, emitted=0) for number in (1, 2, 3))
    result = ProcessingResult(
        file_path="a.pdf",
        status="committed",
        ledger=Ledger(measure="characters", units=units),
        ocr_result=OCRStageResult(pages=(2,), engine="tesseract"),
    )
    assert came_in(result) == {"page 1": 100, "page 3": 300}
    assert came_in(ProcessingResult(file_path="a.pdf", status="committed")) == {}


@pytest.mark.integration
def test_a_document_that_goes_while_it_is_asked_about_costs_the_others_nothing(
    router: TextRouter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    router.process_batch([write_text(folder / "a.txt", "Name|Age", "Ada|36"), write_text(folder / "b.txt", "words")])

    def gone(*arguments: Any) -> Any:
        raise QueryError("no such table")

    monkeypatch.setattr(router.store, "query", gone)
    first, second = verify_sources(router.store, [router], router.store.sources())
    assert (first.verdict, first.error and first.error.code) == ("failed", "E_STORE_COMMIT")
    assert (second.verdict, second.error and second.error.code) == ("failed", "E_PARSE_UNSUPPORTED")
