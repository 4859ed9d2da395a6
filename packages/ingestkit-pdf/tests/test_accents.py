"""An accent painted over a letter makes another letter; one beside it is a quotation mark or an apostrophe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.unit

FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>"


@pytest.mark.parametrize(
    ("painted", "text"),
    [
        (r"[(perch\264) 600 (e la citt`) 600 (a)]", "perché la città"),
        (r"[(\264) 600 (Ecole)]", "École"),
        (r"[(l\264ami et `a)]", "l´ami et `a"),
    ],
)
def test_an_accent_goes_onto_the_letter_it_is_painted_over(
    painted: str, text: str, raw: Any, write: Callable[..., str], reading: Callable[..., Any]
) -> None:
    page = raw.one_page({4: raw.stream(f"BT /F1 12 Tf 72 720 Td {painted} TJ ET".encode()), 5: FONT})
    extraction = reading(write(bytes(page)))
    assert [chunk.text for chunk in extraction.chunks] == [text]
    assert extraction.ledger.unexplained == 0
