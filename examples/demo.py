"""The main job from end to end: sample documents, ingested, searched, queried, and ingested again.

    python examples/demo.py [DIR]

Everything lands in DIR (default: ``demo`` in the current folder), which is made afresh each time. Every step is
a command of ``ingestkit``, shown as you would type it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from samples import write_samples

STEPS: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = (
    # The broken and hostile samples are set aside, which the exit code 1 says.
    ("Read the folder.", ("ingest", "documents"), (1,)),
    ("What is set aside, and why?", ("list", "--quarantined"), (0,)),
    ("Search, with citations.", ("search", "panel warranty after an accident", "-k", "3"), (0,)),
    ("Which tables are there?", ("tables",), (0,)),
    ("Query one of them.", ("sql", "SELECT {columns} FROM {table} LIMIT 5"), (0,)),
    ("The second time nothing is done.", ("ingest", "documents"), (1,)),
    ("The state of the store.", ("status",), (0,)),
)


def main() -> int:
    """Run every step; 0 if each ended as expected."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    samples = write_samples(folder / "documents")
    print(f"{len(samples)} sample documents in {folder / 'documents'}:\n")
    for sample in samples:
        print(f"  {sample.path.name:22} {sample.about}")
    for text, command, expected in STEPS:
        arguments = [_filled(argument, folder) for argument in command]
        print(f"\n# {text}\n$ ingestkit {shlex.join(arguments)}", flush=True)
        code = subprocess.run(
            [sys.executable, "-m", "ingestkit_cli", *arguments], cwd=folder, env=_environment(folder), check=False
        ).returncode
        if code not in expected:
            print(f"\nthis step ended with exit code {code}, not {expected}", file=sys.stderr)
            return 1
    print(f"\nAll of it is in {folder / 'ingestkit.db'}: one file, and nothing left this machine.")
    return 0


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "INGESTKIT_STORE": str(folder / "ingestkit.db")}


def _filled(argument: str, folder: Path) -> str:
    """The argument with the roster's table and its first columns in place of the braces."""
    if "{table}" not in argument:
        return argument
    from ingestkit_core import open_store

    with open_store(folder / "ingestkit.db") as store:
        table = next(table for table in store.tables() if "roster" in (table.source_uri or ""))
    columns = ", ".join(f'"{column.name}"' for column in table.columns[:4])
    return argument.format(columns=columns, table=f'"{table.table_name}"')


if __name__ == "__main__":
    raise SystemExit(main())
