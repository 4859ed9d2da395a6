"""Citations re-read from the raw XML, which shares nothing with the reader. Runs in the worker."""

from __future__ import annotations

from ingestkit_excel.verify.citations import verify

__all__ = ["verify"]
