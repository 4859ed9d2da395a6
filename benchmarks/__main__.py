"""The command: measures families of figures, prints them, and writes them as JSON if asked to."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import excel, execution, faults, pdf, store
from benchmarks.fresh import NotMeasuredError
from benchmarks.options import Options
from benchmarks.report import Figures, as_json, as_text

FAMILIES: Mapping[str, Sequence[Callable[[Options], Iterator[Figures]]]] = {
    "pdf": pdf.STEPS,
    "excel": excel.STEPS,
    "execution": execution.STEPS,
    "faults": (faults.measure,),
    "store": store.STEPS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when everything of ours and every floor was measured, 1 otherwise."""
    asked = _parser().parse_args(arguments)
    options = Options(rounds=asked.rounds, large=asked.large)
    families = list(FAMILIES) if asked.family == "all" else [asked.family]
    measured: dict[str, list[Figures]] = {family: [] for family in families}
    failed = False
    for family in families:
        for step in FAMILIES[family]:
            try:
                for figures in step(options):
                    print(as_text(figures), flush=True)
                    measured[family].append(figures)
                    failed |= bool(figures.unmeasured)
            except NotMeasuredError as exc:
                print(f"{family}: {exc}", file=sys.stderr)
                failed = True
    if asked.json:
        asked.json.write_text(json.dumps(_record(measured), indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures speed and quality as ratios within one run. Exits with 1 only when something of ours, "
        "or what it is compared with, could not be measured.",
    )
    parser.add_argument("family", nargs="?", default="all", choices=[*FAMILIES, "all"])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--large", action="store_true", help="add slow peers and sizes that take many minutes")
    parser.add_argument("--rounds", type=_rounds, default=3, metavar="N", help="timed rounds; the median counts (3)")
    return parser


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return rounds


def _record(measured: Mapping[str, Sequence[Figures]]) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": {name: found for name in _COMPARED if (found := _version(name))},
        "figures": {family: [as_json(figures) for figures in several] for family, several in measured.items()},
    }


_COMPARED = (
    "ingestkit-core ingestkit-pdf ingestkit-excel pymupdf pymupdf4llm pypdfium2 liteparse pdf_oxide kreuzberg "
    "markitdown pdfplumber openpyxl python-calamine fastexcel"
).split()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
