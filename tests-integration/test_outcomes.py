"""Every sample document ends as its list says, with the code it names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LIST = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from samples import PLANTED, write_samples
samples = write_samples(Path(sys.argv[2]))
print(json.dumps({
    "samples": [[s.path.name, s.expected, s.code] for s in samples],
    "planted": [[p.file, p.word, p.shown] for p in PLANTED],
}))
"""


def test_every_sample_ends_as_its_list_says(ingestkit: Callable[..., Any], tmp_path: Path) -> None:
    examples = Path(__file__).resolve().parents[1] / "examples"
    documents = tmp_path / "documents"
    made = subprocess.run(
        [sys.executable, "-c", LIST, str(examples), str(documents)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told = json.loads(made.stdout)
    done = ingestkit("ingest", documents, "--json", "--workers", 2)
    results = {Path(r["file_path"]).name: r for r in map(json.loads, done.stdout.splitlines())}
    for name, expected, code in told["samples"]:
        if expected is not None:
            assert results[name]["status"] == expected, name
            assert code is None or code in [*results[name]["errors"], *results[name]["warnings"]], name

    # What a person sees is found in the chunks; what nobody sees is not.
    exported = [json.loads(line) for line in ingestkit("export").stdout.splitlines()]
    texts: dict[str, str] = {}
    for line in exported:
        if line["kind"] == "chunk":
            name = Path(line["metadata"]["source_uri"]).name
            texts[name] = texts.get(name, "") + "\n" + line["text"]
    for file, word, shown in told["planted"]:
        if file != "scanned.pdf":
            assert (word in texts.get(file, "")) is shown, (file, word)
