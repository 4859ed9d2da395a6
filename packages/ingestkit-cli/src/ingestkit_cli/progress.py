"""What people see while documents are read: a bar on a terminal, a line per document otherwise.

Both write to stderr. The bar shows only what went wrong as lines of its own, above it.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ingestkit_core.models import ProcessingResult
from ingestkit_core.progress import ProgressEvent

from ingestkit_cli.logs import is_logging
from ingestkit_cli.output import count, is_terminal, say, spaced
from ingestkit_cli.places import shown_path
from ingestkit_cli.report import marks_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Task
    from rich.text import Text

__all__ = ["Progress", "line_of", "progress_for"]

_BAR_WIDTH = 24
_READING = "reading"
_MANY_UNITS = 10
_NAME_WIDTH = 24
_STATUS_WIDTH = len("quarantined")
_STOPPING = "finishing what is under way; again to stop at once"


class Progress(ABC):
    """A context manager that is told of every result."""

    @abstractmethod
    def done(self, result: ProcessingResult) -> None:
        """One document is done."""

    def event(self, event: ProgressEvent) -> None:  # noqa: B027  # lines tell of whole documents only
        """A document got further. Called on threads of the engine."""

    @abstractmethod
    def stopping(self) -> None:
        """No more documents are started. Called from a signal handler."""

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027  # only the bar has something to put away
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


def progress_for(total: int, *, as_json: bool) -> Progress:
    """The bar where a person watches and nothing else writes to the terminal, else lines."""
    others_write = is_logging() or (as_json and is_terminal(sys.stdout))
    return _Bar(total) if is_terminal(sys.stderr) and not others_write else _Lines()


def line_of(result: ProcessingResult) -> str:
    """One document in one line: what became of it, and its size or its cause."""
    parts = [shown_path(result.file_path)]
    if result.status in ("committed", "unchanged"):
        parts += [count(result.chunks_created, "chunk"), count(result.tables_created, "table"), *marks_of(result)]
        if result.status == "committed":
            parts.append(f"{result.processing_time_seconds:.2f} s of work")
    else:
        parts += [f"{error.code}: {error.message}" for error in result.error_details[:1]] or list(result.errors[:1])
    return f"{result.status:<{_STATUS_WIDTH}}  {spaced(*parts)}"


class _Lines(Progress):
    def done(self, result: ProcessingResult) -> None:
        say(line_of(result))

    def stopping(self) -> None:
        # Not print: the signal may have come in the middle of one.
        os.write(sys.stderr.fileno(), f"{_STOPPING}\n".encode())


class _Bar(Progress):
    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text("" if task.speed is None else f"{task.speed:.1f}/s")

        class Bar(RichProgress):
            is_stopping = False

            def get_renderables(self) -> Iterator[RenderableType]:
                yield from super().get_renderables()
                if self.is_stopping:
                    yield Text(_STOPPING)

        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar = Bar(
            TextColumn("{task.description}"),
            # Short enough for a narrow terminal to have room for the ^C it echoes: a wrapped line stays behind.
            BarColumn(_BAR_WIDTH),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            transient=True,
            # Data may be going down stdout while the bar is drawn.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(_READING, total=total)

    def done(self, result: ProcessingResult) -> None:
        if result.errors or result.status not in ("committed", "unchanged"):
            self._console.print(line_of(result), soft_wrap=True)
        self._bar.update(self._task, advance=1, description=_READING)

    def event(self, event: ProgressEvent) -> None:
        # Only a document of many pages takes long enough for a person to wonder.
        if event.total >= _MANY_UNITS and event.done < event.total:
            what = "recognising" if event.stage == "ocr" else _READING
            name = os.path.basename(shown_path(event.file_path))
            name = name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"
            self._bar.update(self._task, description=f"{what} {name} {event.done}/{event.total}")
        elif event.total >= _MANY_UNITS:
            self._bar.update(self._task, description=_READING)

    def stopping(self) -> None:
        # The bar's own thread draws it: a signal may have come in the middle of anything.
        self._bar.is_stopping = True

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
