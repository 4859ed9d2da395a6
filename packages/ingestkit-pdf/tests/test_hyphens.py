"""Words that a line end cuts in two."""

from __future__ import annotations

import pytest
from ingestkit_core.elements import PageBox, Span
from ingestkit_pdf.extract.hyphens import Words, joined_texts, without_line_hyphens
from ingestkit_pdf.values import Line

pytestmark = pytest.mark.unit


def words_of(text: str) -> Words:
    return Words([[Line(text, (0.0, 0.0, 1.0, 1.0), len(text), 0, 10.0, "F", False)]])


@pytest.mark.parametrize(
    ("above", "below", "document", "joined"),
    [
        ("a new commu-", "nication of it", "", "a new communication of it"),
        ("the long-", "term rent", "for the long term, and a short term", "the long-term rent"),
        ("a well-", "known man", "it is well-known here", "a well-known man"),
        ("read inter-", "national news", "inter arma, national, international", "read international news"),
        ("state-of-the-", "art method", "", "state-of-the-art method"),
        ("from end-", "to-end tests", "", "from end-to-end tests"),
        ("the 4-", "year-olds", "", "the 4-year-olds"),
        ("by Jean-", "Paul Sartre", "", "by Jean-Paul Sartre"),
        ("in 2006-", "08 it was", "", "in 2006-08 it was"),
        ("Vor-", "und Nachteile", "", "Vor- und Nachteile"),
        ("die Über-", "prüfung.", "", "die Überprüfung."),
        ("пере-", "ход через", "", "переход через"),
        ("a dash -", "and more", "", "a dash - and more"),
    ],
)
def test_what_becomes_of_a_hyphen_at_a_line_end(above: str, below: str, document: str, joined: str) -> None:
    assert joined_texts([above, below], words_of(document)) == joined


def test_a_word_stands_whole_in_the_line_it_begins_in_and_every_count_stays() -> None:
    spans = [
        Span(text, PageBox(1, (0.0, 10.0 * n, 90.0, 10.0 * n + 9)), len(text))
        for n, text in enumerate("ab- c- d".split())
    ]
    joined = without_line_hyphens(spans, words_of(""))
    assert [span.text for span in joined] == ["abcd"]
    assert joined[0].count == sum(span.count for span in spans)
    assert joined[0].location == PageBox(1, (0.0, 0.0, 90.0, 29.0))
