"""Text that its settings do not describe: a finding names the setting, and nothing is read."""

from dataclasses import replace

import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.recognition import is_misread_utf_8
from tests.unit.feeds.statement_files import BET, HEADER, PLAIN, WIN, ids, problems, read

SET_UTF_8 = 'set encoding = "utf-8"'
NAMED = BET.replace("42", "müller")


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859-1", "cp1251", "cp1250"])
def test_utf_8_is_never_read_as_a_windows_encoding(encoding: str) -> None:
    lines = read(HEADER + NAMED + WIN, rules=replace(PLAIN, encoding=encoding))

    assert problems(lines) == [
        (
            2,
            FindingKind.WRONG_ENCODING,
            f"line: {encoding} is expected, as declared, this is UTF-8; {SET_UTF_8}",
        )
    ]
    assert ids(lines) == ["t-2"]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("müller", "cp1252"), ("SEÑOR", "cp1252"), ("KÓŁKO", "cp1250"), ("Ёж", "cp1251")],
)
def test_names_of_a_windows_encoding_are_read(name: str, encoding: str) -> None:
    data = (HEADER + BET.replace("42", name)).encode(encoding)

    (record,) = read(data, rules=replace(PLAIN, encoding=encoding))

    assert getattr(record, "handle", "") == name


def test_only_encodings_of_one_byte_are_mistaken_for_utf_8() -> None:
    assert is_misread_utf_8("mÃ¼ller", "cp1252")
    # These two characters of GBK are valid UTF-8 by chance.
    assert not is_misread_utf_8("联通", "gb18030")
    assert not is_misread_utf_8("Ü\N{NO-BREAK SPACE}", "cp1252")


def test_a_header_that_cannot_be_decoded_is_named_below_a_title() -> None:
    header = HEADER.replace("user_id", "Zeitstempel für").encode("cp1252")

    lines = read(b"Report\n" + header + BET.encode())

    assert problems(lines)[0][0] == 2
    assert "UTF-8 is expected, the byte FC is not" in problems(lines)[0][2]


@pytest.mark.parametrize(
    ("data", "declared", "reason"),
    [
        ("müller\n".encode(), "utf-16", 'set encoding = "utf-8"'),
        ("müller\n".encode("cp1252"), "utf-16-le", 'set encoding = "windows-1252"'),
        ("игрок\n".encode("utf-16-le"), "utf-16", 'encoding = "utf-16-le" or "utf-16-be"'),
        ("选手\n".encode("utf-16-be"), "utf-16", 'set encoding = "utf-16-be"'),
    ],
)
def test_bytes_that_are_no_utf_16_are_named(data: bytes, declared: str, reason: str) -> None:
    lines = read(data, rules=replace(PLAIN, encoding=declared))

    assert [kind for _, kind, _ in problems(lines)] == [FindingKind.WRONG_ENCODING]
    assert reason in problems(lines)[0][2]


def test_letters_of_another_alphabet_do_not_hide_utf_16() -> None:
    data = (HEADER.replace("user_id", "игрок") + BET).encode("utf-16-le")

    assert 'set encoding = "utf-16-le"' in problems(read(data))[0][2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
def test_an_empty_file_is_empty_whatever_is_declared(encoding: str) -> None:
    for rules in (PLAIN, replace(PLAIN, header_row=2)):
        lines = read(b"", rules=replace(rules, encoding=encoding))

        assert [kind for _, kind, _ in problems(lines)] == [FindingKind.EMPTY_FILE]


def test_a_wrong_delimiter_is_named_even_if_quotes_seem_wrong() -> None:
    header = HEADER.replace(",", ";").replace("user_id", '"user, id"')

    for rules in (PLAIN, replace(PLAIN, header_row=1)):
        lines = read(header + BET.replace(",", ";"), rules=rules)

        assert 'looks semicolon-separated: set delimiter = ";"' in problems(lines)[0][2]
