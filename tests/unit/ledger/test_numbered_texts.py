"""Texts packed as numbers: each has its own, and SQL and Python agree on it."""

from ledger.checks.together.codes import PROVIDER, TEXTS_MAX, NumberedTexts


def test_few_texts_are_numbered_by_their_place() -> None:
    numbered = NumberedTexts.of({"a": 7, "b": 7})

    assert [numbered.number(text) for text in ("a", "b", "c")] == [1, 2, -1]
    assert numbered.sql("t.provider", PROVIDER) == (
        "CASE t.provider WHEN E'a' THEN 256 WHEN E'b' THEN 512 ELSE 0 END"
    )


def test_more_texts_are_numbered_by_bits_of_their_hash_that_tell_them_apart() -> None:
    numbered = NumberedTexts.of({"a": 0b0001, "b": 0b1001, "c": -1})

    assert numbered.numbers == (129, 137, 255)
    assert "hashtext(t.provider) >> 0" in numbered.sql("t.provider", PROVIDER)


def test_texts_of_one_hash_are_numbered_by_their_place() -> None:
    numbered = NumberedTexts.of({"a": 5, "b": 5, "c": 6})

    assert (numbered.shift, numbered.numbers) == (None, (1, 2, 3))


def test_texts_are_quoted() -> None:
    assert "E'it''s\\\\\\x3ab'" in NumberedTexts.of({"it's\\:b": 1}).sql("t.c", PROVIDER)


def test_too_many_texts_do_not_fit() -> None:
    assert NumberedTexts.of({str(n): 0 for n in range(TEXTS_MAX)}).fit
    assert not NumberedTexts.of({str(n): 0 for n in range(TEXTS_MAX + 1)}).fit
