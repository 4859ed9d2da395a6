"""``convert``: the right text in the right file, and no store anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingestkit_cli.converting import target_names
from ingestkit_cli.options import Form
from ingestkit_core.rendering import FORMS
from ingestkit_core.testing import write_text

Run = Callable[..., Any]

MARKDOWN = """\
# Annual report

The company earned more than ever.

## Staff

| Name | City |
| --- | --- |
| Ada | Lyon |
| Bo | Oslo |
"""


@pytest.mark.unit
def test_every_form_of_core_can_be_asked_for() -> None:
    assert [form.value for form in Form] == list(FORMS)


@pytest.mark.integration
def test_one_document_goes_to_stdout(quick: Run, documents: Path, here: Path) -> None:
    before = sorted(here.rglob("*"))
    ran = quick("convert", str(documents / "report.txt"), "--to", "md")
    assert (ran.code, ran.out, ran.err) == (0, MARKDOWN, "")
    whole = json.loads(quick("convert", "documents/report.txt", "--to", "json").out)
    assert whole["elements"][-1]["rows"] == [["Ada", "Lyon"], ["Bo", "Oslo"]]
    assert whole["ledger"]["unexplained"] == 0
    lines = quick("convert", "documents/report.txt", "--to", "jsonl").lines
    assert [json.loads(line)["kind"] for line in lines][:2] == ["document", "heading"]
    assert quick("convert", "documents/report.txt", "--to", "html").out.startswith("<!DOCTYPE html>")
    assert sorted(here.rglob("*")) == before


@pytest.mark.integration
def test_several_go_to_a_folder_under_their_names(ingestkit: Run, faulty: Path) -> None:
    ran = ingestkit("convert", str(faulty), "--to", "md", "-o", "texts/new")
    assert (ran.code, ran.out) == (1, ""), "one of them is no document"
    assert "documents/report.txt -> texts/new/report.md" in ran.err
    assert "documents/broken.txt: " in ran.err
    assert "(E_PARSE_CORRUPT)" in ran.err
    written = {path.relative_to("texts/new").as_posix() for path in Path("texts/new").rglob("*.md")}
    assert written == {"report.md", "below/leave.md"}
    assert Path("texts/new/report.md").read_text(encoding="utf-8") == MARKDOWN


@pytest.mark.integration
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "documents", "--to", "md"], "2 documents do not go to stdout: say where to with -o DIR"),
        (["convert", "documents"], "Missing option '--to'"),
        (["convert", "documents", "--to", "docx"], "'docx' is not one of 'md', 'json', 'jsonl', 'html'"),
        (["convert", "nowhere", "--to", "md"], "no such file or folder: nowhere"),
        (
            ["convert", "documents/letter.docx", "--to", "md"],
            "nothing to read in documents/letter.docx: there are only .docx 1",
        ),
        (
            ["convert", "documents", "--to", "md", "-o", "documents/report.txt"],
            "documents/report.txt is a file, and -o names a folder; to write one document to a file: "
            "ingestkit convert documents --to md > documents/report.txt",
        ),
    ],
)
def test_a_mistake(quick: Run, documents: Path, arguments: list[str], message: str) -> None:
    ran = quick(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.integration
def test_a_document_that_hangs_costs_only_itself(ingestkit: Run, here: Path) -> None:
    write_text(here / "a.txt", "!fault sleep")
    write_text(here / "b.txt", "Fine.")
    ran = ingestkit("convert", ".", "--to", "md", "-o", "out", INGESTKIT_PER_DOCUMENT_TIMEOUT_SECONDS="1.5")
    assert ran.code == 1
    assert "a.txt: " in ran.err
    assert "E_EXECUTION_TIMEOUT" in ran.err
    assert Path("out/b.md").read_text(encoding="utf-8") == "Fine.\n"


@pytest.mark.integration
def test_what_is_left_out_is_told(quick: Run, documents: Path) -> None:
    (documents / "round").symlink_to("round")
    write_text(documents / "scan.lossy", "A text.", "!broken-engine")
    ran = quick("convert", "documents", "--to", "md", "-o", "out")
    assert ran.code == 1, "a script must be able to tell"
    assert "  documents/scan.lossy  page 2  E_OCR_FAILED: OCR failed\n" in ran.err
    assert "passed by, no installed format reads them: .docx 1\n" in ran.err
    assert "could not be looked into: documents/round\n" in ran.err
    (documents / "below" / "leave.txt").unlink()
    (documents / "below" / "round").symlink_to("round")
    nothing = quick("convert", "documents/below", "--to", "md")
    assert nothing.code == 2
    assert "nothing found in documents/below: documents/below/round cannot be looked into" in nothing.err


@pytest.mark.unit
@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["/in/a.pdf", "/in/sub/b.pdf"], ["a.md", "sub/b.md"]),
        (["/in/a.pdf", "/in/a.xlsx"], ["a.pdf.md", "a.xlsx.md"]),
        (["/in/a.pdf", "/in/a.xlsx", "/in/b.pdf", "/in/sub/a.pdf"], ["a.pdf.md", "a.xlsx.md", "b.md", "sub/a.md"]),
        (["/in/a.pdf", "/in/a.xlsx", "/in/a.pdf.txt"], ["a.pdf.md", "a.xlsx.md", "a.pdf.txt.md"]),
        (["/in/v1.2.pdf"], ["v1.2.md"]),
    ],
)
def test_names_below_one_folder(files: list[str], names: list[str]) -> None:
    made = target_names([(Path(file), Path("/in")) for file in files], "md")
    assert [name.as_posix() for name in made] == names


@pytest.mark.unit
def test_equal_names_from_different_folders_stay_apart() -> None:
    files = [(Path("/x/one/a.pdf"), Path("/x/one")), (Path("/x/two/a.pdf"), Path("/x/two"))]
    assert [name.as_posix() for name in target_names(files, "md")] == ["one/a.pdf.md", "two/a.pdf.md"]
    with_another = [*files, (Path("/x/two/b.pdf"), Path("/x/two")), (Path("/x/one/a.txt"), Path("/x"))]
    assert [name.as_posix() for name in target_names(with_another, "md")] == [
        "one/a.pdf.md",
        "two/a.pdf.md",
        "b.md",
        "one/a.md",
    ]


def test_a_recipe_runs_and_prints_its_state(quick: Run, documents: Path, here: Path) -> None:
    (here / "recipe.yaml").write_text(
        "settings: {store: both.db}\nsteps: {all: {run: ingest, with: {paths: '${folder}'}}}\n", encoding="utf-8"
    )
    ran = quick("run", "recipe.yaml", "--set", f"folder={documents}")
    assert json.loads(ran.out)["all"]["statuses"]["committed"] > 0
    assert "all: " in ran.err
    assert quick("run", "recipe.yaml").code == 2
    assert quick("run", "recipe.yaml", "--set", "folder").code == 2
    (here / "wrong.yaml").write_text("steps: {a: {run: nonsense}}\n", encoding="utf-8")
    refused = quick("run", "wrong.yaml")
    assert refused.code == 2
    assert "wrong.yaml:1:" in refused.err
