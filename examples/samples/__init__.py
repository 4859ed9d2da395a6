"""Writes a small folder of documents to look at: one for each thing the readers promise.

    python examples/samples DIR [--big N]

Everything is about one invented company, Brightholm Solar, and agrees with itself: the report's revenue is the
sum of the orders in sales.xlsx, the handbook's head count is the roster's. ``PLANTED`` says where words stand
that occur nowhere else. The same libraries write the same bytes every time: all dates, ids and archive
timestamps are fixed. What a library would fill with chance (encrypted files) or could only make slowly
(bombs) is written by hand.

    folder                        every file, what is in it and what becomes of it
      handbook, report, pdfs      the PDF files
        typesetting               lines, columns, ruled tables, saving
      workbooks                   the workbooks
      bombs, encrypted, readings  the hostile and the long
        bytewise                  PDF files and workbooks by hand
    company                       offices, staff, orders, installations: what all of them tell
"""

from __future__ import annotations

import os

# PyMuPDF 2 loads onnxruntime, which otherwise leaves an identifier in ~/.cache and a file in the temporary folder
# for the statistics it sends home.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from .bombs import BOMB_BYTES
from .encrypted import OWNER_PASSWORD, USER_PASSWORD
from .folder import PLANTED, Planted, Sample, write_samples

__all__ = ["BOMB_BYTES", "OWNER_PASSWORD", "PLANTED", "USER_PASSWORD", "Planted", "Sample", "write_samples"]
