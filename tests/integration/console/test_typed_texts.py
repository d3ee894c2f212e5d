"""What people type into forms is kept whole or refused with what is expected."""

import pytest

from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


def test_a_comment_is_kept_whole_or_refused_and_lines_count_as_browsers_count_them(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r8")
    page, lines = f"/breaks/{break_id}", "\r\n".join(["x" * 99] * 40)
    kept = maria.submit(page, f"{page}/comment", text=f"{lines}y")
    longer = maria.submit(page, f"{page}/comment", text=f"{lines}yz")

    assert (kept.status, longer.status) == (303, 400)
    assert "text: at most 4000 characters are expected, it has 4001" in longer.shown()
    assert console_books.rows(
        f"SELECT body FROM break_notes WHERE break_id = '{break_id}'"
    ) == [(lines.replace("\r\n", "\n") + "y",)]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"text": "a\0b"}, "text: text of Unicode without NUL is expected"),
        ({"te\0xt": "a"}, "names of fields without NUL are expected"),
        ({"text": "a number too long", "seen_note": "9" * 5_000}, ""),
    ],
)
def test_what_no_database_holds_is_no_fault(
    maria: PageClient, console_books: ConsoleBooks, fields: dict[str, str], says: str
) -> None:
    page = f"/breaks/{console_books.break_of('r9')}"

    sent = maria.submit(page, f"{page}/comment", **fields)

    assert (sent.status, says in sent.shown()) == (400 if says else 303, True)


def test_filters_that_are_too_long_once_escaped_are_no_list(maria: PageClient) -> None:
    letters = "\N{GRINNING FACE}" * 200
    address = "&".join(f"{name}={letters}" for name in ("player", "round", "game", "q"))

    saved = maria.submit("/breaks", "/breaks/views", name="long", address=address)

    assert saved.status == 400
    assert "filters of at most 4000 characters fit" in saved.shown()


def test_a_reason_of_a_close_counts_as_browsers_count_it(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page, lines = f"/days/lottery/{DAY}", "\r\n".join(["x" * 99] * 40)

    requested = maria.submit(page, f"{page}/close", reason=f"{lines}y")
    longer = maria.submit(page, f"{page}/close", reason=f"{lines}yz")

    assert (requested.status, longer.status) == (303, 400)
    assert "reason: at most 4000 characters are expected" in longer.shown()


@pytest.mark.parametrize("currency", ["eur", "EURO-", "E"])
def test_a_currency_of_journals_that_is_none_says_what_is_expected(
    maria: PageClient, currency: str
) -> None:
    fields = {"first": DAY, "last": DAY, "currency": currency}

    refused = maria.submit("/reports", "/reports/journals", **fields)

    assert refused.status == 400
    assert "currency: a currency code such as EUR is expected" in refused.shown()
