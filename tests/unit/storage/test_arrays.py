"""Arrays of texts as PostgreSQL reads them."""

from storage.arrays import array_text


def test_an_array_holds_its_texts_in_quotes() -> None:
    assert array_text(["brk-1", "NULL", ""]) == '{"brk-1","NULL",""}'


def test_quotes_and_backslashes_of_a_text_are_escaped() -> None:
    assert array_text(['a"b', "c\\d", "e,f{}"]) == '{"a\\"b","c\\\\d","e,f{}"}'


def test_no_texts_are_an_empty_array() -> None:
    assert array_text([]) == "{}"
