"""What a language model may do to a text that OCR read."""

from __future__ import annotations

import pytest
from ingestkit_core.mending import is_mended

pytestmark = pytest.mark.unit

READ = "The keeper 0f the lighthause wrote down 1,204 ships\nthat passed in 1899"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (READ, True),
        (READ.replace("lighthause", "lighthouse"), True),
        (READ.replace("0f", "of"), False),
        (READ.replace("1,204", "1,240"), False),
        (READ + " and 7 more", False),
        ("A keeper counted 0 to 1,204 ships until 1899", False),
        (READ.replace("keeper", "kee\x07per"), False),
        ("", False),
    ],
)
def test_words_may_change_and_digits_may_not(found: str, expected: bool) -> None:
    assert is_mended(READ, found) is expected
