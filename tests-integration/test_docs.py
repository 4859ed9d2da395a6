"""What the documentation says is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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


def test_no_document_tells_anybody_to_install_the_bare_name() -> None:
    for page in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob(".github/**/*"),
        *ROOT.glob("packages/*/README.md"),
    ]:
        if page.is_file():
            assert not re.search(r"pip install [^\n]*\bingestkit(?![-/\w])", page.read_text(encoding="utf-8")), page
