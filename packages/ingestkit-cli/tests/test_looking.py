"""Commands that look: what they print for people, and that their JSON is JSON with everything in it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.testing import write_text

pytestmark = pytest.mark.integration

Run = Callable[..., Any]
LOOKING = ["search x", "sql x", "tables", "show x", "list", "status", "export", "retry", "backup b.db"]


def records(run: Run, *arguments: str) -> list[dict[str, Any]]:
    ran = run(*arguments, "--json")
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.lines]


def table_of(run: Run) -> str:
    (table,) = records(run, "tables")
    return str(table["table_name"])


@pytest.mark.parametrize("arguments", [*LOOKING, "forget x --yes"])
def test_looking_for_a_store_that_is_not_there_makes_none(quick: Run, here: Path, arguments: str) -> None:
    ran = quick(*arguments.split(), "--store", "none.db")
    assert (ran.code, ran.out) == (2, "")
    assert f"there is no store at {here / 'none.db'}: ingest something, or name one with --store" in ran.err
    assert list(here.iterdir()) == []


def test_search_cites(stored: Run) -> None:
    ran = stored("search", "annual leave for employees", "-k", "1")
    assert ran.code == 0
    assert ran.lines[0].startswith("1. documents/below/leave.txt, page 1  score ")
    assert ran.lines[1:] == ["   Leave", "   Annual leave is thirty days for all employees."]
    (hit,) = records(stored, "search", "oslo")
    assert (hit["place"], hit["citation"]) == ("page 1", "documents/report.txt, page 1")
    assert hit["metadata"]["heading_path"] == ["Annual report", "Staff"]
    assert hit["metadata"]["table_name"] == table_of(stored)
    assert hit["text"].endswith("Bo | Oslo")


def test_search_finds_nothing_and_that_is_no_failure(stored: Run) -> None:
    ran = stored("search", 'zzz" OR *')
    assert (ran.code, ran.out, ran.err) == (0, "", "nothing found\n")
    assert records(stored, "search", "zzz") == []
    assert stored("search", "x", "-k", "0").code == 2


def test_rows_in_every_form(stored: Run) -> None:
    query = (
        f"SELECT name, city, NULL AS absent, 1.5 AS number, x'00ff' AS raw, 'a\tb,\"c\"' AS odd FROM {table_of(stored)}"
    )
    plain = stored("sql", query)
    assert plain.lines[0] == "name\tcity\tabsent\tnumber\traw\todd"
    assert plain.lines[1] == 'Ada\tLyon\t\t1.5\t00ff\ta\\tb,"c"'
    rows = list(csv.reader(io.StringIO(stored("sql", query, "--csv").out)))
    assert rows[2] == ["Bo", "Oslo", "", "1.5", "00ff", 'a\tb,"c"']
    first, second = records(stored, "sql", query)
    assert first == {"name": "Ada", "city": "Lyon", "absent": None, "number": 1.5, "raw": "00ff", "odd": 'a\tb,"c"'}
    assert second["city"] == "Oslo"
    both = stored("sql", query, "--csv", "--json")
    assert (both.code, "--csv and --json are two forms: choose one" in both.err) == (2, True)
    assert records(stored, "sql", "SELECT 1 AS a, 2 AS a, 1e999 AS b") == [{"a": 1, "a:2": 2, "b": "inf"}]


def test_rows_are_cut_where_it_was_said(stored: Run) -> None:
    ran = stored("sql", f"SELECT name FROM {table_of(stored)}", "--max-rows", "1")
    assert (ran.code, ran.lines) == (0, ["name", "Ada"])
    assert "only the first 1 row: there are more (see --max-rows)" in ran.err


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DROP TABLE chunks", "only SELECT over the listed tables is allowed"),
        ("SELECT * FROM chunks", "'chunks' is not one you can read"),
        ("SELEC 1", "syntax error"),
        ("ATTACH 'x.db' AS x", "only SELECT"),
        ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c", "longer than 0.2 s"),
    ],
)
def test_a_refused_query_is_a_mistake(stored: Run, query: str, message: str) -> None:
    ran = stored("sql", query, "--timeout", "0.2")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_tables_say_where_they_are_from(stored: Run) -> None:
    ran = stored("tables")
    assert ran.lines == [
        f"{table_of(stored)}  2 rows  documents/report.txt, page 1",
        "    name text (Name), city text (City)",
    ]
    (table,) = records(stored, "tables")
    assert (table["row_count"], table["place"], table["unit"]) == (2, "page 1", "page 1")
    assert table["columns"][0] == {"name": "name", "header": "Name", "type": "text"}


def test_list_says_how_each_document_stands(quick: Run, faulty: Path) -> None:
    quick("ingest", str(faulty))
    ran = quick("list")
    assert [line.split()[0] for line in ran.lines] == ["committed", "quarantined", "committed"]
    assert "documents/broken.txt  E_PARSE_UNSUPPORTED: broken.txt does not begin like" in ran.out
    listed = {Path(r["source_uri"]).name: r for r in records(quick, "list")}
    assert listed["broken.txt"]["code"] == "E_PARSE_UNSUPPORTED"
    assert not listed["broken.txt"]["is_stored"]
    assert (listed["report.txt"]["status"], listed["report.txt"]["tables"]) == ("committed", 1)


def test_a_document_that_broke_later_keeps_its_version(stored: Run, documents: Path) -> None:
    (documents / "report.txt").write_text("no document any more", encoding="utf-8")
    assert stored("ingest", str(documents)).code == 1
    assert "(an earlier version is in the store)" in stored("list").out
    assert [line.split()[0] for line in stored("list", "--quarantined").out.splitlines()] == ["quarantined"]
    (record,) = [r for r in records(stored, "list") if r["code"]]
    assert (record["status"], record["is_stored"], record["chunks"]) == ("quarantined", True, 2)
    shown = stored("show", "report").out
    assert "quarantined with E_PARSE_UNSUPPORTED, read 1 time; an earlier version is in the store" in shown
    assert "The company earned more than ever." in shown


def test_another_parser_version_is_stale_until_refreshed(quick: Run, documents: Path, here: Path) -> None:
    (here / "old.json").write_text('{"parser_version": "text:0.9.0"}', encoding="utf-8")
    quick("ingest", str(documents), "--config", "old.json")
    assert {r["status"] for r in records(quick, "list")} == {"stale"}
    assert records(quick, "status")[0]["stale"] == 2
    assert "stale documents are read again by: ingestkit ingest --refresh PATH" in quick("status").out
    assert quick("ingest", str(documents)).out.startswith("0 committed, 2 unchanged")
    assert quick("ingest", str(documents), "--refresh").out.startswith("2 committed")
    assert {r["status"] for r in records(quick, "list")} == {"committed"}


def test_status_counts(quick: Run, faulty: Path) -> None:
    quick("ingest", str(faulty))
    shown = quick("status").out
    assert "2 committed, 0 of them stale, 1 quarantined" in shown
    assert "E_PARSE_UNSUPPORTED 1" in shown
    (status,) = records(quick, "status")
    assert (status["sources"], status["chunks"], status["quarantined"]) == (2, 3, 1)
    assert status["characters"]["unexplained"] == 0


def test_show_a_document(quick: Run, here: Path) -> None:
    write_text(here / "notes.lossy", "# Notes", "", "Some text.", "", "a | b", "1 | 2")
    quick("ingest", "notes.lossy")
    shown = quick("show", "notes").out
    assert f"source   {here / 'notes.lossy'}" in shown
    assert "status   committed" in shown
    assert "type     text (confidence 0.90, by rules)" in shown
    account = shown.splitlines()[shown.splitlines().index("  page or sheet  in  out  left out") + 1]
    assert account.split(maxsplit=4) == ["page", "1", "60", "20", "hidden 10, unexplained 30"]
    assert "[0]  page 1  text  Notes\n    Notes\n" in shown
    assert "[1]  page 1  table  Notes  table notes_page_1_" in shown
    kinds = [record["kind"] for record in records(quick, "show", "notes")]
    assert kinds == ["source", "ledger", "table", "chunk", "chunk"]


@pytest.mark.parametrize("name", ["documents/report.txt", "report.txt", "report", "REPORT.T", "/report.txt"])
def test_a_document_is_found_by_any_part_only_it_has(stored: Run, name: str) -> None:
    assert records(stored, "show", name)[0]["source_uri"].endswith("/documents/report.txt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("txt", "'txt' may be any of 2: documents/below/leave.txt, documents/report.txt; give more of it, or --tenant"),
        ("absent.txt", "no document 'absent.txt' in sqlite:///"),
    ],
)
def test_a_document_that_is_not_clear(stored: Run, name: str, message: str) -> None:
    ran = stored("show", name)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_a_whole_name_wins_over_a_part_of_another(quick: Run, here: Path) -> None:
    for name in ("report.txt", "annual-report.txt"):
        write_text(here / name, "Some text.")
    quick("ingest", ".")
    assert records(quick, "show", "report.txt")[0]["source_uri"] == str(here / "report.txt")


def test_a_document_is_found_however_its_path_is_written(quick: Run, here: Path) -> None:
    (here / "far" / "deep").mkdir(parents=True)
    (here / "link").symlink_to(here / "far" / "deep")
    write_text(here / "far" / "report.txt", "Some text.")
    for written in ("far/deep/../report.txt", "link/../report.txt", f"/{here}/far//report.txt", "far/report.txt"):
        assert quick("ingest", written).code == 0
        assert records(quick, "show", written)[0]["source_uri"] == str(here / "far" / "report.txt")
        assert "no document" not in quick("verify", written).err
    assert len(records(quick, "list")) == 1
    assert quick("forget", "link/../report.txt", "--yes").code == 0
    assert records(quick, "list") == []


def test_a_document_whose_name_is_no_text_is_found_by_its_name(quick: Run, here: Path) -> None:
    real, other = (os.fsdecode(name) for name in (b"bad\xff\xfename.txt", b"faulty\xff.txt"))
    try:
        write_text(here / real, "Some text.")
    except OSError:
        pytest.skip("this file system takes text as names only")
    (here / other).write_text("no document", encoding="utf-8")
    assert quick("ingest", ".").code == 1
    stored = records(quick, "show", real)[0]["source_uri"]
    for name in (real, str(here / real), stored):
        assert records(quick, "show", name)[0]["source_uri"] == stored
        assert quick("convert", name, "--to", "md").out.strip().endswith("Some text.")
        assert "gone" not in quick("verify", name).out
    write_text(here / other, "Mended.")
    assert "1 committed" in quick("retry").out
    for name in (real, other):
        assert quick("forget", name, "--yes").code == 0
    assert records(quick, "list") == []


def test_export_is_the_same_everywhere(stored: Run, here: Path) -> None:
    ran = stored("export")
    kinds = [json.loads(line)["kind"] for line in ran.lines]
    assert sorted(set(kinds)) == ["chunk", "row", "source", "table"]
    assert stored("export", "-o", "all.jsonl").out == ""
    assert Path("all.jsonl").read_text(encoding="utf-8") == ran.out
    assert "all.jsonl" in stored("export", "-o", "all.jsonl").err
    assert not list(here.glob("*.part"))


def test_tenants_see_their_own(quick: Run, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick("ingest", str(documents / "report.txt"), "--tenant", "north")
    quick("ingest", str(documents / "below"), "--tenant", "south")
    quick("ingest", str(documents / "report.txt"))
    assert len(records(quick, "list")) == 3
    assert "north" in quick("list").out
    assert [r["tenant_id"] for r in records(quick, "list", "--tenant", "south")] == ["south"]
    assert [r["tenant_id"] for r in records(quick, "list", "--tenant", "")] == [None]
    assert quick("list", "--tenant", "west").err == "tenant west has no documents\n"
    assert quick("tables", "--tenant", "west").err == "tenant west has no tables\n"
    assert quick("sql", "SELECT row_count FROM catalog", "--tenant", "north").lines == ["row_count", "2"]
    assert [r["tenant_id"] for r in records(quick, "search", "earned", "--tenant", "north")] == ["north"]
    assert "may be any of 2" in quick("show", "report").err
    assert records(quick, "show", "report", "--tenant", "north")[0]["tenant_id"] == "north"
    refused = quick("sql", "SELECT 1")
    assert (refused.code, "say which one with --tenant" in refused.err) == (2, True)
    monkeypatch.setenv("INGESTKIT_TENANT_ID", "south")
    assert [r["tenant_id"] for r in records(quick, "list")] == ["south"]


def test_a_hostile_name_or_text_moves_no_cursor(quick: Run, here: Path) -> None:
    write_text(here / "red\x1b[31m\nname.txt", "A text with \x1b[2J in it, and \u202e too.")
    ran = quick("ingest", ".")
    for shown in (ran.err, quick("list").out, quick("show", "name").out, quick("search", "text").out):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_a_reader_that_goes_away_is_no_drama(stored: Run, start: Run) -> None:
    running = start("export")
    running.stdout.close()
    err = running.stderr.read()
    assert (running.wait(20), err) == (141, "")
