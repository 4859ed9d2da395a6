"""Citations re-read with pdfium, which shares nothing with the reader. Runs in the worker; needs pypdfium2."""

from __future__ import annotations

from ingestkit_pdf.verify.citations import verify

__all__ = ["verify"]
