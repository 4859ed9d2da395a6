"""What the documentation says is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ingestkit_core.guide import as_markdown

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_of_codes_is_current() -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == as_markdown()


def test_the_readmes_example_prints_what_it_says(samples: Path, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    (printed,) = re.findall(r"It prints:\n\n```\n(.*?)```", readme, re.S)
    (tmp_path / "documents").symlink_to(samples)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "INGESTKIT_STORE": str(tmp_path / "ingestkit.db")},
    )
    assert done.stdout == printed, done.stderr


def test_the_format_that_the_documentation_writes_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    package, trying = re.findall(r"```python\n(.*?)```", page, re.S)
    note, printed = re.findall(r"```text\n(.*?)```", page, re.S)
    (project,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    for name, text in (("ingestkit_notes.py", package), ("trying.py", trying), ("monday.note", note)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert ran(tmp_path, "trying.py") == printed
    # As it is when it has been installed.
    installed = tmp_path / "ingestkit_notes-1.0.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Name: ingestkit-notes\nVersion: 1.0.0\n", encoding="utf-8")
    ((group, routers),) = tomllib.loads(project)["project"]["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {router}" for name, router in routers.items())]
    (installed / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "broken.note").write_bytes(b"#note\n\xff\n")
    told = ran(tmp_path, "-m", "ingestkit_cli", "ingest", ".", "--exclude", "*.py", "--store", "cli.db", code=1)
    assert "1 committed" in told, told
    assert "1 quarantined" in told
    assert "monday.note, page 1" in ran(tmp_path, "-m", "ingestkit_cli", "search", "ladder", "--store", "cli.db")
    assert "under the mat" in ran(tmp_path, "-m", "ingestkit_cli", "convert", "monday.note", "--to", "md")


def ran(folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", sorted(ROOT.glob("packages/*/README.md")), ids=lambda page: page.parent.name)
def test_a_package_is_described_without_what_is_outside_of_it(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert re.match(r"https://|#", target), f"{target} leads nowhere from a wheel"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *ROOT.glob(".github/*.md")], ids=str
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert re.match(r"https?://", target) or (page.parent / target).exists(), target


def test_no_document_tells_anybody_to_install_the_bare_name() -> None:
    for page in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob(".github/**/*"),
        *ROOT.glob("packages/*/README.md"),
    ]:
        if page.is_file():
            assert not re.search(r"pip install [^\n]*\bingestkit(?![-/\w])", page.read_text(encoding="utf-8")), page
