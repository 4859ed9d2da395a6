"""Tesseract through its command. The owner asks what is installed; reading runs in a worker.

The command belongs to the worker's process group, so that it dies with its worker and its owner.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from functools import cache

from ingestkit_core.elements import Box
from ingestkit_core.errors import ErrorCode, OCRError

from ingestkit_pdf.ocr.languages import tesseract_packs
from ingestkit_pdf.ocr.values import Picture, SeenLine, SeenWord

__all__ = ["INSTALL", "TesseractReader", "degrees_to_upright", "installed_packs", "installed_version", "problem"]

INSTALL = "apt-get install tesseract-ocr (Debian, Ubuntu), brew install tesseract (macOS)"

_LOOK_SECONDS = 10.0
_AUTOMATIC, _ORIENTATION = "3", "0"
"""Page segmentation: everything automatic but the page's orientation; and nothing but that."""


def problem(language: str) -> str:
    """Why Tesseract cannot read a language here, and what to type; empty where it can."""
    if shutil.which("tesseract") is None:
        return f"tesseract is not installed: {INSTALL}"
    if not installed_version():
        return "tesseract is installed and does not run"
    missing = [pack for pack in tesseract_packs(language) if pack not in installed_packs()]
    if not missing:
        return ""
    packages = " ".join(f"tesseract-ocr-{pack.replace('_', '-')}" for pack in missing)
    return (
        f"tesseract has no language pack {' '.join(missing)} for ocr_language={language}: "
        f"apt-get install {packages} (Debian, Ubuntu), brew install tesseract-lang (macOS)"
    )


def installed_version() -> str:
    """The version of the command on the PATH; empty where there is none, or it does not run."""
    words = _answer(shutil.which("tesseract"), "--version").split()
    return words[1] if len(words) > 1 else ""


def installed_packs() -> Sequence[str]:
    """The language packs that are installed."""
    return _answer(shutil.which("tesseract"), "--list-langs").split("\n")[1:]


@cache
def _answer(command: str | None, question: str) -> str:
    if command is None:
        return ""
    try:
        done = subprocess.run([command, question], capture_output=True, text=True, timeout=_LOOK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout.strip()


class TesseractReader:
    """See PictureReader."""

    def __init__(self, language: str) -> None:
        self._packs = "+".join(tesseract_packs(language))

    def read(self, picture: Picture, timeout_seconds: float) -> Sequence[SeenLine]:
        """See PictureReader. The picture goes in and hOCR comes out through pipes; no file is written."""
        arguments = ["-l", self._packs, "--dpi", f"{picture.dpi:.0f}", "--psm", _AUTOMATIC, "hocr"]
        done = _run(picture, arguments, timeout_seconds)
        if done.returncode:
            raise OCRError(ErrorCode.E_OCR_FAILED, f"tesseract ended with exit code {done.returncode}")
        try:
            return list(_lines(ET.fromstring(done.stdout)))
        except ET.ParseError as exc:
            raise OCRError(ErrorCode.E_OCR_FAILED, "tesseract's answer cannot be read") from exc


def degrees_to_upright(picture: Picture, timeout_seconds: float) -> float:
    """By how much to turn a picture clockwise until its text stands upright: 0, 90, 180 or 270.

    0 where nothing tells, where the pack for it (osd) is not installed, and where there is no time.
    """
    if timeout_seconds <= 0:
        return 0.0
    done = _run(picture, ["--dpi", f"{picture.dpi:.0f}", "--psm", _ORIENTATION], timeout_seconds)
    found = _ROTATE.search(done.stdout.decode("ascii", "replace"))
    return float(found[1]) if done.returncode == 0 and found is not None else 0.0


def _run(picture: Picture, arguments: Sequence[str], timeout_seconds: float) -> subprocess.CompletedProcess[bytes]:
    header = f"P5 {picture.width} {picture.height} 255\n".encode()
    try:
        return subprocess.run(
            ["tesseract", "stdin", "stdout", *arguments],
            input=header + picture.pixels,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
            # Its threads cost more than they gain, and other pages are read beside this one.
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except subprocess.TimeoutExpired as exc:
        raise OCRError(ErrorCode.E_OCR_TIMEOUT, f"tesseract took longer than {timeout_seconds:.3g} s") from exc
    except OSError as exc:
        raise OCRError(ErrorCode.E_OCR_FAILED, f"tesseract cannot be started: {exc.strerror}") from exc


_ROTATE = re.compile(r"^Rotate: (\d+)", re.MULTILINE)
_HTML = "{http://www.w3.org/1999/xhtml}"
_BOX = re.compile(r"\bbbox (-?\d+) (-?\d+) (-?\d+) (-?\d+)")
_SIZE = re.compile(r"\bx_size ([\d.]+)")
_CONFIDENCE = re.compile(r"\bx_wconf (\d+)")


def _lines(page: ET.Element) -> Iterator[SeenLine]:
    """The lines of hOCR (kba.github.io/hocr-spec), which says more than TSV: how large a line's letters are."""
    for block, paragraph in enumerate(page.iter(f"{_HTML}p")):
        for line in paragraph:
            words = tuple(_words(line))
            if words:
                box, size = _box(line), _SIZE.search(line.get("title", ""))
                yield SeenLine(words, block, float(size[1]) if size else box[3] - box[1])


def _words(line: ET.Element) -> Iterator[SeenWord]:
    for word in line:
        text = "".join(word.itertext()).strip()
        if text:
            confidence = _CONFIDENCE.search(word.get("title", ""))
            yield SeenWord(text, _box(word), int(confidence[1]) / 100 if confidence else 0.0)


def _box(element: ET.Element) -> Box:
    found = _BOX.search(element.get("title", ""))
    if found is None:
        return 0.0, 0.0, 0.0, 0.0
    x0, y0, x1, y1 = map(float, found.groups())
    return x0, y0, x1, y1
