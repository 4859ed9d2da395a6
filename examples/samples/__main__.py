"""python examples/samples DIR [--big N]"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:
    # A folder that is run stands on the path itself and is no package; the folder around it makes it one.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from samples import write_samples


def _rows(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_048_575:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows from 1 to 1048575")
    return int(text)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write a folder of sample documents.")
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--big", type=_rows, default=0, metavar="N", help="add a workbook of N rows")
    chosen = parser.parse_args()
    for sample in write_samples(chosen.directory, chosen.big):
        print(f"{sample.path.name:22}{sample.expected or '-':13}{sample.code or '-':31}{sample.about}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
