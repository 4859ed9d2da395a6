"""``convert``: documents into text files; no store is opened or made."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from ingestkit_core.errors import IngestkitError
from ingestkit_core.extraction import Conversion
from ingestkit_core.ingestor import Discovered, Ingestor
from ingestkit_core.rendering import render

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.ingesting import check_paths, interruptible
from ingestkit_cli.output import clean, say
from ingestkit_cli.places import shown_path
from ingestkit_cli.report import listed
from ingestkit_cli.settings import Wishes, open_ingestor
from ingestkit_cli.stopping import Stopper

__all__ = ["convert_paths", "target_names"]

_MAX_THREADS = 64


def convert_paths(paths: Sequence[Path], form: str, folder: Path | None, wishes: Wishes) -> int:
    """Convert what is found at the paths, one document to stdout or any number into a folder."""
    check_paths(paths)
    code = ExitCode.OK
    with (
        Stopper() as stopper,
        TemporaryDirectory() as nowhere,
        # Outside the ingestor: closing that one ends what the threads wait for.
        ThreadPoolExecutor(_MAX_THREADS) as threads,
        open_ingestor(os.path.join(nowhere, "never-written.db"), wishes) as ingestor,
        interruptible(stopper),
    ):
        seen = Discovered()
        found = [(Path(asked.file_path), asked.root) for asked in ingestor.discover(paths, seen=seen)]
        if not found:
            passed_by = f": there are only {listed(seen.unsupported)}" if seen.unsupported else ""
            raise Mistake(f"nothing to convert in {', '.join(map(str, paths))}{passed_by}")
        files = list(dict.fromkeys(file for file, _ in found))
        if folder is None and len(files) > 1:
            raise Mistake(f"{len(files)} documents do not go to stdout: say where to with -o DIR")
        names = target_names([(file, root or file.parent) for file, root in dict(found).items()], form)
        code = _convert_all(ingestor, threads, dict(zip(files, names, strict=True)), form, folder)
    return stopper.exit_code or code


def target_names(files: Sequence[tuple[Path, Path]], form: str) -> list[Path]:
    """A path of its own for each (file, folder it was found under): as short as all of them can be at once."""
    absolute = [file.absolute() for file, _ in files]
    below = [file.relative_to(root.absolute()) for file, (_, root) in zip(absolute, files, strict=True)]
    common = Path(os.path.commonpath([file.parent for file in absolute]))
    schemes = [
        [name.with_suffix(f".{form}") for name in below],
        [name.with_name(f"{name.name}.{form}") for name in below],
        [file.relative_to(common).with_name(f"{file.name}.{form}") for file in absolute],
    ]
    return next(names for names in schemes if len(set(names)) == len(names))


def _convert_all(
    ingestor: Ingestor, threads: Executor, names: Mapping[Path, Path], form: str, folder: Path | None
) -> ExitCode:
    failed = 0
    for file, conversion in _converted(ingestor, threads, list(names)):
        try:
            text = render(conversion.result(), form)
        except IngestkitError as exc:
            failed += 1
            say(f"{shown_path(str(file))}: {exc.message} ({exc.code})")
            continue
        if folder is None:
            sys.stdout.write(text)
        else:
            _write(folder / names[file], text)
            say(clean(f"{shown_path(str(file))} -> {folder / names[file]}", one_line=True))
    return ExitCode.TROUBLE if failed else ExitCode.OK


def _converted(
    ingestor: Ingestor, threads: Executor, files: Sequence[Path]
) -> Iterator[tuple[Path, Future[Conversion]]]:
    """Conversions in order, a few of them ahead of time: threads wait, the ingestor's workers work."""
    ahead = max(router.in_flight for router in ingestor.routers.values())
    waiting: deque[tuple[Path, Future[Conversion]]] = deque()
    for file in files:
        waiting.append((file, threads.submit(ingestor.convert, file)))
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", errors="replace", newline="\n")
