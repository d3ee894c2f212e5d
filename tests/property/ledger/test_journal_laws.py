"""Laws of journals over random books: what is issued sums to the ledger, and never changes."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from reports.journal.accounts import ACCOUNTS
from reports.journal.model import (
    Amounts,
    Booked,
    JournalKey,
    JournalKind,
    NewJournal,
    due_journals,
)

CODES = {account: f"code {account}" for account in ACCOUNTS}
PROVIDERS = st.sampled_from(["agg", "book", "tieout"])
CURRENCIES = st.sampled_from(["EUR", "USD"])
KEYS = st.builds(
    JournalKey,
    business_day=st.dates(date(2026, 6, 1), date(2026, 6, 3)),
    provider=PROVIDERS,
    kind=st.just(JournalKind.DAY),
    currency=CURRENCIES,
) | st.builds(
    JournalKey,
    business_day=st.sampled_from([date(2026, 6, 30), date(2026, 7, 31)]),
    provider=PROVIDERS,
    kind=st.just(JournalKind.FEE),
    currency=CURRENCIES,
)
LINES = st.tuples(
    st.sampled_from(["play", "correction", "write_off", "fee"]), st.sampled_from(ACCOUNTS)
)


@st.composite
def balanced(draw: st.DrawFn) -> Amounts:
    """Amounts that sum to zero."""
    amounts = draw(st.dictionaries(LINES, st.integers(-1_000, 1_000), max_size=6))
    total = sum(amounts.values())
    rest = ("play", "suspense")
    return {**amounts, rest: amounts.get(rest, 0) - total}


BOOKS = st.dictionaries(KEYS, balanced(), max_size=5)


def standing(books: Mapping[JournalKey, Amounts]) -> dict[JournalKey, Amounts]:
    """Books without zeros."""
    plain = {
        key: {line: minor for line, minor in amounts.items() if minor}
        for key, amounts in books.items()
    }
    return {key: amounts for key, amounts in plain.items() if amounts}


def booked_by(journals: list[NewJournal]) -> dict[JournalKey, Booked]:
    sums: dict[JournalKey, Counter[tuple[str, str]]] = {}
    versions: dict[JournalKey, int] = {}
    for journal in journals:
        versions[journal.key] = journal.version
        for line in journal.lines:
            sums.setdefault(journal.key, Counter())[line.nature, line.account] += line.minor
    return {key: Booked(version=versions[key], amounts=dict(sums[key])) for key in versions}


@given(history=st.lists(BOOKS, min_size=1, max_size=5))
def test_the_journals_of_any_history_sum_to_the_books_of_now(
    history: list[dict[JournalKey, Amounts]],
) -> None:
    issued: list[NewJournal] = []
    for books in history:
        issued += due_journals(books, booked_by(issued), CODES)

        sums = {key: booked.amounts for key, booked in booked_by(issued).items()}
        assert standing(sums) == standing(books)
        assert due_journals(books, booked_by(issued), CODES) == []

    assert len({journal.external_id for journal in issued}) == len(issued)
    for journal in issued:
        assert sum(line.minor for line in journal.lines) == 0
        assert all(line.minor for line in journal.lines)
    for key, booked in booked_by(issued).items():
        versions = [journal.version for journal in issued if journal.key == key]
        assert versions == list(range(1, booked.version + 1))
