"""``convert``: documents into text files; no store is opened or made."""

from __future__ import annotations

import os
import shlex
import sys
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from ingestkit_core.batch import Asked
from ingestkit_core.errors import IngestkitError
from ingestkit_core.extraction import Conversion
from ingestkit_core.ingestor import Discovered, Ingestor
from ingestkit_core.keys import is_url
from ingestkit_core.rendering import render

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.ingesting import Selection, check_paths, interruptible, listed_paths, nothing_found
from ingestkit_cli.output import clean, say, spaced
from ingestkit_cli.places import place_of_error, shown_path
from ingestkit_cli.report import passed_by
from ingestkit_cli.settings import Wishes, open_ingestor
from ingestkit_cli.stopping import Stopper

__all__ = ["convert_paths", "target_names"]

_MAX_THREADS = 64
_MAX_NAMED = 20


def convert_paths(paths: Sequence[Path | str], form: str, folder: Path | None, wishes: Wishes) -> int:
    """Convert what is found at the paths, one document to stdout or any number into a folder."""
    check_paths(paths)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise Mistake(_no_folder(paths[0], form, folder))
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
        found = {asked.file_path: asked for asked in ingestor.discover(paths, seen=seen)}
        if not found:
            raise Mistake(nothing_found(Selection(tuple(paths)), seen, ingestor))
        if folder is None and len(found) > 1:
            raise Mistake(f"{len(found)} documents do not go to stdout: say where to with -o DIR")
        names = target_names([_file_and_root(asked) for asked in found.values()], form)
        code = _convert_all(ingestor, threads, dict(zip(found.values(), names, strict=True)), form, folder)
        for line in passed_by(seen):
            say(line)
        code = max(code, ExitCode.TROUBLE if seen.unreadable else ExitCode.OK)
    return stopper.exit_code or code


def _no_folder(path: Path | str, form: str, file: Path) -> str:
    one = shlex.join(["ingestkit", "convert", listed_paths([path]), "--to", form])
    return f"{file} is a file, and -o names a folder; to write one document to a file: {one} > {shlex.quote(str(file))}"


def _file_and_root(asked: Asked) -> tuple[Path, Path]:
    """A document's path and that of the folder it was found under; of a URL what its server knows it by."""
    file = Path(asked.file_path)
    if is_url(asked.file_path):
        file = Path("/", asked.file_path.partition("::")[0].partition("://")[2].lstrip("/"))
    return file, asked.root or file.parent


def target_names(files: Sequence[tuple[Path, Path]], form: str) -> list[Path]:
    """A path of its own for each (file, folder it was found under), as short as can be.

    ``x.pdf`` becomes ``x.md``; of those that would meet there each keeps its suffix, ``x.pdf.md``; those that still
    meet lie as they do below the folder that all have in common.
    """
    absolute = [file.absolute() for file, _ in files]
    below = [file.relative_to(root.absolute()) for file, (_, root) in zip(absolute, files, strict=True)]
    common = Path(os.path.commonpath([file.parent for file in absolute]))
    schemes = [
        [name.with_suffix(f".{form}") for name in below],
        [name.with_name(f"{name.name}.{form}") for name in below],
        [file.relative_to(common).with_name(f"{file.name}.{form}") for file in absolute],
    ]
    chosen = [0] * len(files)
    while True:
        names = [schemes[scheme][number] for number, scheme in enumerate(chosen)]
        longer = _to_be_longer(names, chosen)
        if not longer:
            return names
        for number in longer:
            chosen[number] += 1


def _to_be_longer(names: Sequence[Path], chosen: Sequence[int]) -> list[int]:
    """The numbers of those that meet others: where they do not have equally long names, the shortest."""
    meeting: dict[Path, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        meeting[name].append(number)
    return [
        number
        for group in meeting.values()
        if len(group) > 1
        for number in group
        if chosen[number] == min(chosen[other] for other in group)
    ]


def _convert_all(
    ingestor: Ingestor, threads: Executor, names: Mapping[Asked, Path], form: str, folder: Path | None
) -> ExitCode:
    failed = 0
    for asked, conversion in _converted(ingestor, threads, list(names)):
        try:
            converted = conversion.result()
            text = render(converted, form)
        except IngestkitError as exc:
            failed += 1
            say(f"{shown_path(asked.file_path)}: {exc.message} ({exc.code})")
            continue
        if folder is None:
            sys.stdout.write(text)
        else:
            _write(folder / names[asked], text)
            say(clean(f"{shown_path(asked.file_path)} -> {folder / names[asked]}", one_line=True))
        for line in _left_out(asked, converted):
            say(line)
    return ExitCode.TROUBLE if failed else ExitCode.OK


def _left_out(asked: Asked, conversion: Conversion) -> Iterator[str]:
    """The warnings and errors of a document that was converted: no store keeps them."""
    for issue in conversion.issues[:_MAX_NAMED]:
        told = f"{issue.code}: {issue.message}"
        yield f"  {spaced(shown_path(asked.file_path), place_of_error(issue), told)}"
    if len(conversion.issues) > _MAX_NAMED:
        yield f"  {spaced(shown_path(asked.file_path), f'and {len(conversion.issues) - _MAX_NAMED:,} more')}"


def _converted(
    ingestor: Ingestor, threads: Executor, documents: Sequence[Asked]
) -> Iterator[tuple[Asked, Future[Conversion]]]:
    """Conversions in order, a few of them ahead of time: threads wait, the ingestor's workers work."""
    ahead = max(router.in_flight for router in ingestor.routers.values())
    waiting: deque[tuple[Asked, Future[Conversion]]] = deque()
    for asked in documents:
        waiting.append((asked, threads.submit(ingestor.convert, asked.address or asked.file_path)))
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", errors="replace", newline="\n")
