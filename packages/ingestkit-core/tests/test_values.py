"""Errors, keys, elements, ledger, models: values that must not surprise anybody."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_core import errors
from ingestkit_core.elements import (
    CellRange,
    PageBox,
    column_letters,
    merge_locations,
    range_name,
    unit_of,
    visible_length,
)
from ingestkit_core.errors import ErrorCode, IngestError, IngestkitError, PickleValidationError
from ingestkit_core.extraction import Extraction
from ingestkit_core.guide import advice, meaning
from ingestkit_core.keys import IngestKey, chunk_id, compute_ingest_key, fingerprint, hash_text, source_uri_of
from ingestkit_core.language import detect_language, estimate_tokens
from ingestkit_core.ledger import DropReason, Ledger
from ingestkit_core.models import BaseChunkMetadata, ChunkPayload, ProcessingResult
from ingestkit_core.privacy import Redactor

pytestmark = pytest.mark.unit

text = st.text(max_size=40)


def test_every_code_equals_its_name() -> None:
    assert all(code.value == code.name and code == code.name for code in ErrorCode)
    assert all(code.name.startswith(("E_", "W_")) for code in ErrorCode)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, IngestkitError)],
)
def test_errors_cross_a_process_boundary_whole(kind: type[IngestkitError]) -> None:
    if kind is PickleValidationError:
        original: IngestkitError = PickleValidationError("State key 'db' in flow 2 is not picklable")
    else:
        original = kind(ErrorCode.E_PARSE_CORRUPT, "no pages", page_number=3, recoverable=True)
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is kind
    assert copy.to_error().code == original.to_error().code
    assert copy.message == original.message


def test_an_unknown_code_still_loads() -> None:
    assert IngestError(code="E_FROM_THE_FUTURE", message="", stage="parse").code == "E_FROM_THE_FUTURE"


def test_pickle_validation_error_is_a_value_error() -> None:
    error = PickleValidationError("x")
    assert isinstance(error, ValueError)
    assert error.code is ErrorCode.E_EXECUTION_NOT_PICKLABLE


@given(st.lists(st.tuples(text, text, text, st.none() | text), min_size=2, max_size=2, unique=True))
def test_different_keys_never_join_alike(parts: list[tuple[str, str, str, str | None]]) -> None:
    first, second = (IngestKey(content_hash=a, source_uri=b, parser_version=c, tenant_id=d).key for a, b, c, d in parts)
    assert first != second


def test_a_key_follows_the_bytes_and_the_place(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"one")
    key = compute_ingest_key(file, "p:1")
    assert key.source_uri == source_uri_of(file) == file.as_posix()
    assert key.key == compute_ingest_key(str(file), "p:1").key
    changes = [
        compute_ingest_key(file, "p:2"),
        compute_ingest_key(file, "p:1", "tenant"),
        compute_ingest_key(file, "p:1", source_uri="elsewhere"),
    ]
    file.write_bytes(b"two")
    changes.append(compute_ingest_key(file, "p:1"))
    assert len({key.key, *(changed.key for changed in changes)}) == 5


def test_a_missing_file_has_no_key(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        compute_ingest_key(tmp_path / "nowhere.pdf", "p:1")


@given(st.lists(st.tuples(text, st.integers(0, 9), text), min_size=2, max_size=2, unique=True))
def test_chunk_ids_differ_where_anything_differs(parts: list[tuple[str, int, str]]) -> None:
    (a, i, x), (b, j, y) = parts
    if "/" not in a + b + x + y:
        assert chunk_id(a, i, x) != chunk_id(b, j, y)


def test_the_fingerprint_sees_settings_versions_and_embedder() -> None:
    base = fingerprint({"size": 1}, {"reader": "1"}, None)
    assert base == fingerprint({"size": 1}, {"reader": "1"}, None)
    others = [
        fingerprint({"size": 2}, {"reader": "1"}, None),
        fingerprint({"size": 1}, {"reader": "2"}, None),
        fingerprint({"size": 1}, {"reader": "1"}, ("model", 3)),
        fingerprint({"size": 1}, {"reader": "1"}, ("model", 4)),
    ]
    assert len({base, *others}) == 5


@pytest.mark.parametrize(
    ("number", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA"), (16384, "XFD")]
)
def test_column_letters(number: int, letters: str) -> None:
    assert column_letters(number) == letters


def test_ranges() -> None:
    assert range_name(1, 1, 1, 1) == "A1"
    assert range_name(2, 1, 4, 28) == "A2:AB4"


def test_adjoining_lines_become_one_box_and_distant_ones_stay_apart() -> None:
    lines = [PageBox(1, (10, 10, 200, 20)), PageBox(1, (10, 21, 200, 31)), PageBox(1, (10, 32, 90, 42))]
    assert merge_locations(lines) == (PageBox(1, (10, 10, 200, 42)),)
    apart = [PageBox(1, (10, 10, 90, 20)), PageBox(1, (300, 500, 380, 510)), PageBox(2, (10, 10, 90, 20))]
    assert merge_locations(apart) == tuple(apart)


def test_boxes_do_not_grow_over_what_may_belong_to_others() -> None:
    column = [PageBox(1, (10, y, 250, y + 11)) for y in range(10, 410, 12)]
    below = [PageBox(1, (10, y, 120, y + 11)) for y in range(418, 520, 12)]
    skipped = PageBox(1, (10, 560, 250, 571))
    merged = merge_locations([*column, *below, skipped])
    assert merged == (PageBox(1, (10, 10, 250, 429)), PageBox(1, (10, 430, 120, 525)), skipped)


def test_columns_of_cells_grow_side_by_side() -> None:
    cells = [PageBox(1, (x, y, x + 40, y + 10)) for y in range(10, 100, 12) for x in (10, 200, 400)]
    assert merge_locations(cells) == tuple(PageBox(1, (x, 10, x + 40, 104)) for x in (10, 200, 400))


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 500), st.integers(0, 700), st.integers(1, 90), st.integers(1, 30)),
        max_size=20,
    )
)
def test_merged_boxes_cover_every_line_and_not_much_more(lines: list[tuple[int, int, int, int, int]]) -> None:
    boxes = [PageBox(page, (x, y, x + w, y + h)) for page, x, y, w, h in lines]
    merged = merge_locations(boxes)
    for line in boxes:
        assert any(
            m.page_number == line.page_number
            and m.box[0] <= line.box[0]
            and m.box[1] <= line.box[1]
            and m.box[2] >= line.box[2]
            and m.box[3] >= line.box[3]
            for m in merged
            if isinstance(m, PageBox)
        )


def test_adjoining_rows_become_one_range() -> None:
    rows = [CellRange("S", f"B{row}:D{row}") for row in range(2, 9)]
    assert merge_locations(rows) == (CellRange("S", "B2:D8"),)
    assert merge_locations([CellRange("S", "A1"), CellRange("S", "B1"), CellRange("T", "C1")]) == (
        CellRange("S", "A1:B1"),
        CellRange("T", "C1"),
    )
    assert len(merge_locations([CellRange("S", "A1:C1"), CellRange("S", "A9:C9")])) == 2


def test_units_are_named() -> None:
    assert unit_of(PageBox(3, (0, 0, 1, 1))) == "page 3"
    assert unit_of(CellRange("Sales", "A1")) == "Sales"


def test_visible_length_counts_what_nfkc_leaves() -> None:
    assert visible_length(" a b\n\tc ") == 3
    assert visible_length("ﬁn") == 3
    assert visible_length("\u00a0\u3000") == 0


def test_a_ledger_balances_and_names_what_is_missing() -> None:
    ledger = Ledger.balance(
        "characters",
        {"page 1": 100, "page 2": 50},
        {"page 1": 80, "page 2": 55},
        {"page 1": {DropReason.FURNITURE: 10, DropReason.HIDDEN: 5}},
    )
    assert [unit.unexplained for unit in ledger.units] == [5, -5]
    assert (ledger.source, ledger.emitted, ledger.unexplained) == (150, 135, 10)
    assert ledger.dropped == {"hidden": 5, "running_header_or_footer": 10}
    assert Ledger.model_validate_json(ledger.model_dump_json()) == ledger
    assert Ledger(measure="cells").unexplained_ratio == 0


def test_a_payload_keeps_its_formats_own_fields() -> None:
    class Own(BaseChunkMetadata):
        page_numbers: tuple[int, ...] = ()

    metadata = Own(
        source_uri="a",
        source_format="x",
        ingestion_method="m",
        parser_version="p",
        chunk_index=0,
        chunk_hash="h",
        ingest_key="k",
        page_numbers=(4,),
        locations=(PageBox(4, (1, 2, 3, 4)), CellRange("S", "A1")),
    )
    dumped = ChunkPayload(id="i", text="t", metadata=metadata).model_dump(mode="json")
    assert dumped["metadata"]["page_numbers"] == [4]
    assert dumped["metadata"]["locations"][1] == {"sheet_name": "S", "cell_range": "A1"}
    assert Own.model_validate(dumped["metadata"]) == metadata


def test_a_result_rebuilds_from_json_without_a_router() -> None:
    result = ProcessingResult(
        file_path="a",
        status="committed",
        ledger=Ledger.balance("cells", {"S": 4}, {"S": 4}, {}),
        error_details=(IngestError(code="W_HIDDEN_TEXT", message="", stage="parse", page_number=2),),
    )
    assert ProcessingResult.model_validate_json(result.model_dump_json()) == result


def test_an_extraction_pickles() -> None:
    assert Extraction.__slots__


@pytest.mark.parametrize(
    ("language", "sample"),
    [
        ("en", "The panels are shipped to the office in the north of the country and not to us."),
        ("de", "Die Module werden nicht in das Büro im Norden geliefert, sondern zu uns und zu dem Lager."),
        ("fr", "Les panneaux sont livrés dans le bureau du nord et pas chez nous avec une facture."),
        ("es", "Los paneles se entregan en la oficina del norte y no con nosotros por el momento."),
        ("zh", "太阳能电池板运往北方的办公室"),
        ("ja", "太陽電池パネルは北の事務所に届けられます"),
        ("ko", "태양광 패널은 북쪽 사무실로 배송됩니다"),
        ("th", "แผงโซลาร์เซลล์ถูกส่งไปยังสำนักงานทางเหนือ"),
        ("ar", "يتم شحن الألواح الشمسية إلى المكتب في الشمال"),
        ("ru", "Панели доставляются в офис на севере страны"),
        (None, "12 34 5678"),
        (None, ""),
    ],
)
def test_languages(language: str | None, sample: str) -> None:
    assert detect_language(sample) == language


@given(st.text(max_size=300), st.text(max_size=300))
def test_token_estimates_grow_with_the_text(first: str, second: str) -> None:
    assert estimate_tokens(first) <= estimate_tokens(first + second) + 1
    assert (estimate_tokens(first) == 0) == (first == "")


def test_redaction() -> None:
    redactor = Redactor([r"\d{4}-\d{4}", "secret"])
    assert redactor.text("card 1234-5678 is secret") == "card [redacted] is [redacted]"
    error = IngestError(code="E_X", message="a secret", stage="parse")
    assert redactor.record(error).message == "a [redacted]"
    assert Redactor([]).text("1234-5678") == "1234-5678"


def test_hash_of_broken_text_does_not_raise() -> None:
    assert len(hash_text("\ud800")) == 64


def test_every_code_has_a_meaning_and_advice() -> None:
    assert all(meaning(code) and advice(code) for code in ErrorCode)
    assert meaning("E_FROM_THE_FUTURE") == advice("E_FROM_THE_FUTURE") == ""
