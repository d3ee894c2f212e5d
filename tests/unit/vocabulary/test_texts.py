"""Texts that PostgreSQL can hold, alone and in documents."""

import pytest

from vocabulary.texts import has_unstorable_text, storable_document


@pytest.mark.parametrize(
    ("document", "stored"),
    [
        ({"a": ["x\0y", 1, None]}, {"a": ["x\ufffdy", 1, None]}),
        ({"k\0": {"b": "\ud800"}}, {"k\ufffd": {"b": "\ufffd"}}),
        (["\0"], ["\ufffd"]),
    ],
)
def test_what_no_database_holds_is_replaced_in_a_document(
    document: object, stored: object
) -> None:
    assert has_unstorable_text(document)
    assert storable_document(document) == stored
    assert not has_unstorable_text(stored)


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", "\\", "\U0001f3b0", ""])
def test_what_only_looks_like_it_stays(text: str) -> None:
    document = {text: [text]}

    assert not has_unstorable_text(document)
    assert storable_document(document) == document
