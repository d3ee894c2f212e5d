"""A count takes its noun in the right number, by one function."""

import pytest

from vocabulary.plurals import counted, plural


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "line", "1 line"),
        (0, "line", "0 lines"),
        (2, "line", "2 lines"),
        (2, "entry", "2 entries"),
        (2, "day", "2 days"),
        (3, "batch", "3 batches"),
        (3, "byte", "3 bytes"),
    ],
)
def test_a_noun_follows_its_count(count: int, noun: str, text: str) -> None:
    assert counted(count, noun) == text


def test_a_noun_may_bring_its_verb() -> None:
    texts = [counted(count, "line is", "lines are") for count in (1, 2)]
    assert texts == ["1 line is", "2 lines are"]
    assert plural(1, "goes", "go") == "goes"
