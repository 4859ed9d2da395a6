"""The small parts by themselves: settings, excerpts, places, shares, verdicts."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_cli.errors import ExitCode, Mistake, verdict
from ingestkit_cli.excerpts import excerpt, found_spans
from ingestkit_cli.options import Strategy
from ingestkit_cli.output import clean, columns, count, percent, spaced
from ingestkit_cli.places import citation, place_of_error, shown_path
from ingestkit_cli.report import RunReport, listed
from ingestkit_cli.settings import Wishes, merged
from ingestkit_cli.stopping import Stopper
from ingestkit_core.config import ProcessorConfig, setting
from ingestkit_core.discovery import Discovered
from ingestkit_core.errors import BackendError, ErrorCode, IngestError, ParseError, StoreError
from ingestkit_core.ledger import Ledger
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores.base import QueryError

pytestmark = pytest.mark.unit


class OneConfig(ProcessorConfig):
    depth: int = setting(3, "A setting that one format has.", output=True, ge=1)


CONFIGS = {"one": OneConfig, "two": ProcessorConfig}


def settings_of(wishes: Wishes | None = None) -> dict[str, Any]:
    return dict(merged(CONFIGS, wishes or Wishes()).values)


# Settings


def test_nothing_said_means_defaults_and_at_most_four_workers() -> None:
    values = settings_of()
    assert set(values) == {"execution_max_workers"}
    assert 1 <= values["execution_max_workers"] <= 4


def test_a_flag_beats_a_variable_beats_a_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = here / "settings.yaml"
    file.write_text("execution_max_workers: 7\nchunk_size_tokens: 100\ntenant_id: file\ndepth: 5\n", encoding="utf-8")
    monkeypatch.setenv("INGESTKIT_CHUNK_SIZE_TOKENS", "200")
    monkeypatch.setenv("INGESTKIT_TENANT_ID", "variable")
    monkeypatch.setenv("ingestkit_redact_patterns", '["a+", "b"]')
    said = merged(CONFIGS, Wishes(file, tenant="flag", workers=None, strategy=Strategy.THREAD))
    assert said.values == {
        "execution_max_workers": 7,
        "chunk_size_tokens": 200,
        "tenant_id": "flag",
        "depth": 5,
        "execution_strategy": "thread",
        "redact_patterns": ["a+", "b"],
    }
    assert said.origins["chunk_size_tokens"] == "INGESTKIT_CHUNK_SIZE_TOKENS"
    assert said.origins["tenant_id"] == "--tenant"
    assert said.origins["depth"] == str(file)


def test_a_flag_beats_what_the_file_tells_one_format(here: Path) -> None:
    file = here / "settings.toml"
    file.write_text("[one]\nexecution_max_workers = 7\ndepth = 5\n", encoding="utf-8")
    assert settings_of(Wishes(file, workers=2)) == {"execution_max_workers": 2, "one": {"depth": 5}}


def test_an_empty_tenant_is_nobody(here: Path) -> None:
    file = here / "settings.json"
    file.write_text('{"tenant_id": "file"}', encoding="utf-8")
    assert settings_of(Wishes(file, tenant=""))["tenant_id"] is None


def test_other_variables_are_not_settings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("STORE", "CORPORA", "REQUIRE", "SOMETHING_ELSE"):
        monkeypatch.setenv(f"INGESTKIT_{name}", "x")
    monkeypatch.setenv("INGESTKIT_DEPTH", "")
    assert set(settings_of()) == {"execution_max_workers"}
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("INGESTKIT_CHUNK_SIZE_TOKEN", "300")
    assert set(settings_of()) == {"execution_max_workers"}
    assert (
        "INGESTKIT_CHUNK_SIZE_TOKEN names no setting; did you mean 'INGESTKIT_CHUNK_SIZE_TOKENS'?"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "chunk_size: 3", "no installed format has a setting 'chunk_size'"),
        ("a.yaml", "chunk_size_token: 3", "did you mean 'chunk_size_tokens'?"),
        ("a.yaml", "one: 3", "one holds the settings of that format, by name"),
        ("a.yaml", "two: {depth: 3}", "no installed format has a setting 'depth'"),
        ("a.yaml", "- a\n- b", "a config file holds one mapping of settings"),
        ("a.json", "{", "a.json: Expecting property name"),
        ("a.toml", "a = ", "a.toml: "),
        ("a.ini", "", "a config file ends in .yaml, .yml, .toml or .json"),
    ],
)
def test_a_mistake_in_a_config_file(here: Path, name: str, text: str, message: str) -> None:
    (here / name).write_text(text, encoding="utf-8")
    with pytest.raises(Mistake) as mistake:
        settings_of(Wishes(Path(name)))
    assert message in str(mistake.value)
    assert name in str(mistake.value)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "CHUNK_SIZE_TOKENS",
            "many",
            "chunk_size_tokens (INGESTKIT_CHUNK_SIZE_TOKENS): Input should be a valid integer",
        ),
        ("DEPTH", "0", "depth (INGESTKIT_DEPTH): Input should be greater than or equal to 1"),
        ("REDACT_PATTERNS", "a+", "a variable that holds a list must be JSON"),
    ],
)
def test_a_mistake_in_a_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str) -> None:
    monkeypatch.setenv(f"INGESTKIT_{variable}", value)
    with pytest.raises(Mistake) as mistake:
        settings_of()
    assert message.replace("a variable", "an INGESTKIT_* variable") in str(mistake.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chunk_size_tokens: 3", "chunk_size_tokens (a.yaml): Input should be greater than or equal to 16"),
        ("text: {chunk_size_tokens: 3}", "chunk_size_tokens (a.yaml, text): Input should be greater"),
        ("max_file_size_mb: 900", "max_file_size_mb above its default of 500 needs a reason in max_file_size_override"),
        ("redact_patterns: ['(']", "is no regular expression"),
    ],
)
def test_an_unfit_value_says_where_it_came_from(quick: Callable[..., Any], here: Path, text: str, message: str) -> None:
    (here / "a.yaml").write_text(text, encoding="utf-8")
    (here / "one.txt").write_text("#!text\nx", encoding="utf-8")
    ran = quick("ingest", "one.txt", "--config", "a.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


# What goes wrong


@pytest.mark.parametrize(
    ("exc", "code", "message"),
    [
        (Mistake("that"), 2, "that"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.Abort(), 130, "interrupted"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
        (PermissionError(errno.EACCES, "Permission denied", "a.txt"), 2, "a.txt: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device", "a.txt"), 3, "a.txt: No space left on device"),
        (QueryError("no such table: x"), 2, "the query was refused: no such table: x"),
        (StoreError(ErrorCode.E_STORE_LOCKED, "busy"), 3, "busy (E_STORE_LOCKED)"),
        (StoreError(ErrorCode.E_STORE_FULL, "full"), 3, "full (E_STORE_FULL)"),
        (StoreError(ErrorCode.E_STORE_VERSION, "newer"), 2, "newer (E_STORE_VERSION)"),
        (StoreError(ErrorCode.E_STORE_COMMIT, "disk", recoverable=True), 3, "disk (E_STORE_COMMIT)"),
        (BackendError(ErrorCode.E_BACKEND_EMBED_CONNECT, "down"), 3, "down (E_BACKEND_EMBED_CONNECT)"),
        (ParseError(ErrorCode.E_PARSE_UNSUPPORTED, "none"), 2, "none (E_PARSE_UNSUPPORTED)"),
    ],
)
def test_each_error_has_its_words_and_its_code(exc: BaseException, code: int, message: str) -> None:
    assert verdict(exc) == (message, code)


def test_a_defect_of_ours_is_not_dressed_up() -> None:
    assert verdict(ValueError("a bug")) is None
    assert verdict(typer.Exit(1)) is None


# Signals


@pytest.fixture
def handlers() -> Iterator[None]:
    """The handlers of pytest, back in place afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_signal_drains_then_interrupts_once_and_then_no_more() -> None:
    drained: list[bool] = []
    with Stopper() as stopper:
        assert stopper.exit_code is None
        with stopper.draining(lambda: drained.append(True)) as stop:
            signal.raise_signal(signal.SIGTERM)
            assert (stop.is_set(), drained) == (True, [True])
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # while it cleans up
        assert drained == [True]
    signal.raise_signal(signal.SIGINT)  # on its way out
    assert stopper.exit_code == 143


@pytest.mark.usefixtures("handlers")
def test_before_anything_is_under_way_a_signal_interrupts_at_once() -> None:
    with Stopper() as stopper:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert not stopper.event.is_set()
    assert stopper.exit_code == 130


@pytest.mark.usefixtures("handlers")
def test_without_a_signal_everything_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stopper():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


# What a run comes to


def result(status: str, unexplained: int = 0, source: int = 1000, **more: Any) -> ProcessingResult:
    emitted = {"page 1": source - unexplained}
    ledger = Ledger.balance("characters", {"page 1": source}, emitted, {}, uncounted={"scanned_page": 1})
    return ProcessingResult(file_path="/a/b.txt", status=status, ledger=ledger, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], ExitCode.OK),
        ([result("committed"), result("unchanged"), result("cancelled")], ExitCode.OK),
        ([result("committed"), result("quarantined")], ExitCode.TROUBLE),
        ([result("quarantined"), result("deferred")], ExitCode.NOT_NOW),
        ([result("committed", unexplained=20)], ExitCode.OK),
        ([result("committed", unexplained=21)], ExitCode.TROUBLE),
        ([result("unchanged", unexplained=21)], ExitCode.TROUBLE),
        ([result("committed", unexplained=21, source=100_000)], ExitCode.OK),
        ([result("quarantined", unexplained=500)], ExitCode.TROUBLE),
    ],
)
def test_the_exit_code_of_a_run(results: list[ProcessingResult], code: ExitCode) -> None:
    report = RunReport(lambda path: 0.005)
    for each in results:
        report.add(each)
    assert report.exit_code == code


def test_a_run_names_the_first_lossy_documents_and_counts_the_others() -> None:
    report = RunReport(lambda path: 0.005)
    for _ in range(25):
        report.add(result("committed", unexplained=100, chunks_created=2, warnings=("W_HIDDEN_TEXT",)))
    report.add(result("quarantined", errors=("E_PARSE_CORRUPT", "E_OCR_FAILED")))
    report.add(result("deferred", errors=("E_STORE_FULL",)))
    lines = report.lines(Discovered(unsupported={".docx": 3, ".png": 12}, unreadable=["/a/locked"]))
    assert lines[0] == "made: 50 chunks, 0 tables"
    assert lines[1] == "warnings: W_HIDDEN_TEXT 25"
    assert lines[2] == "characters: 25,000 in the sources; 90.00 % emitted, 10.00 % unexplained"
    assert lines[3] == "not counted, since it cannot be: scanned page 25"
    assert lines[4] == "unexplained above the limit in 25 documents:"
    assert lines[5] == "  /a/b.txt: 100 characters, 10.00 %"
    assert lines[25:] == [
        "  and 5 more",
        "causes: E_PARSE_CORRUPT 1, E_STORE_FULL 1",
        "passed by, no installed format reads them: .png 12, .docx 3",
        "could not be looked into: /a/locked",
    ]
    assert report.last_line().startswith("25 committed, 0 unchanged, 1 quarantined, 1 deferred in ")


# Search results


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        ("Employees employ an employee.", "employing", ["Employees", "employ", "employee"]),
        ("The résumé of the RESUME", "resume", ["résumé", "RESUME"]),
        ("cats and concatenation", "cat", ["cats"]),
        ("engineers, engineering, endings", "engineer", ["engineers", "engineering"]),
        ("an as is", "a", []),
        ("東京都庁は東京にある", "東京", ["東京", "東京"]),
        ("100 % of 1000", "100", ["100"]),
        ("a (b) [c]", "(b) [", ["b"]),
        ("anything", "", []),
    ],
)
def test_words_that_were_found_are_marked(text: str, query: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in found_spans(text, query)] == found


def test_a_short_passage_is_shown_whole() -> None:
    assert excerpt("One.\nTwo.", "two") == "One.\nTwo."


def test_a_long_passage_is_shown_around_the_first_word_found() -> None:
    text = "alpha " * 200 + "needle " + "omega " * 200
    shown = excerpt(text, "needles")
    assert "needle omega" in shown
    assert shown.startswith("… alpha")
    assert shown.endswith("omega …")
    assert len(shown) < 500
    assert excerpt(text, "nothing").startswith("alpha")


def test_of_many_short_lines_those_around_the_first_word_found_are_shown() -> None:
    text = "\n\n".join(f"line {number}" for number in range(30))
    assert excerpt(text, "12").split("\n") == ["… line 11", *(f"line {n}" for n in range(12, 18)), "line 18 …"]


def test_a_table_keeps_its_header_and_the_rows_that_were_found() -> None:
    rows = [f"{number} | plain" for number in range(30)]
    rows[20] = "20 | needle"
    shown = excerpt("\n".join(["Number | What", *rows]), "needle", is_table=True).split("\n")
    assert shown[0] == "Number | What"
    assert "20 | needle" in shown
    assert shown[-1] == "…"
    assert len(shown) < 12


@given(st.text(max_size=2000), st.text(max_size=30), st.booleans())
def test_any_passage_can_be_shown(text: str, query: str, is_table: bool) -> None:
    shown = excerpt(text, query, is_table=is_table)
    assert len(shown) <= 2500
    for start, end in found_spans(shown, query):
        assert 0 <= start < end <= len(shown)


# Words and numbers


def test_paths_are_as_short_as_can_be(here: Path) -> None:
    assert shown_path(str(here / "a" / "b.pdf")) == "a/b.pdf"
    assert shown_path("/elsewhere/b.pdf") == "/elsewhere/b.pdf"
    assert shown_path("s3://bucket/b.pdf") == "s3://bucket/b.pdf"
    sheet = [{"sheet_name": "Employees", "cell_range": "A4:F20"}]
    assert citation(str(here / "roster.xlsx"), sheet) == "roster.xlsx, Employees!A4:F20"
    pages = [{"page_number": number, "box": [0, 0, 1, 1]} for number in (3, 4)]
    assert citation(str(here / "report.pdf"), pages) == "report.pdf, pages 3-4"
    assert citation("memory:1", ()) == "memory:1"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"page_number": 3}, "page 3"),
        ({"sheet_name": "Staff"}, "sheet Staff"),
        ({"sheet_name": "Staff", "cell_range": "B4"}, "Staff!B4"),
        ({}, ""),
    ],
)
def test_the_place_of_a_warning(place: dict[str, Any], told: str) -> None:
    assert place_of_error(IngestError(code="W_HIDDEN_TEXT", message="", stage="parse", **place)) == told


def test_numbers_for_people() -> None:
    assert [count(1, "chunk"), count(1234, "chunk")] == ["1 chunk", "1,234 chunks"]
    assert [percent(0, 0), percent(1, 8), percent(1, 10**6), percent(0, 9)] == [
        "0.00 %",
        "12.50 %",
        "< 0.01 %",
        "0.00 %",
    ]
    assert listed({".png": 2, ".docx": 2, ".a": 1000}) == ".a 1,000, .docx 2, .png 2"
    assert columns([("a", "1"), ("bbb", "22")], right=(1,)) == ["a     1", "bbb  22"]
    assert columns([]) == []


def test_control_characters_are_seen_and_not_obeyed() -> None:
    assert clean("a\x1b[31m\tb\nc\u202e\x9b") == "a\ufffd[31m\tb\nc\ufffd\ufffd"
    assert spaced("a\nb", "", "c\x07") == "a b  c\ufffd"
