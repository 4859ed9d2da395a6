"""PyMuPDF as a worker loads it: without the parts that take four times as long as all the rest.

PyMuPDF 2 loads a neural network for page layouts and a converter to Markdown whenever it is imported; no reader asks
for either. They are kept away while it is imported, and there again afterwards for whoever imports them by name.
Imported in worker processes only: in a process that is somebody else's, PyMuPDF is loaded as it comes.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__: list[str] = []

_UNUSED = ("pymupdf.layout", "pymupdf4llm")


def _load() -> None:
    loaded: dict[str, Any] = sys.modules
    away = [name for name in _UNUSED if name not in loaded]
    # None is how Python is told that there is no such module; PyMuPDF does without.
    loaded.update(dict.fromkeys(away))
    try:
        importlib.import_module("pymupdf")
    finally:
        for name in away:
            del loaded[name]


_load()
