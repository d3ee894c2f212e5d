"""Missing rounds whose ids differ only in spelling name each other."""

from datetime import UTC, datetime

import pytest

from breaks.kinds import BreakKind, Impact
from reconcile.findings.breaks import Break, break_id
from reconcile.findings.spelling import with_spellings

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
LEDGER, PROVIDER = BreakKind.MISSING_IN_LEDGER, BreakKind.MISSING_AT_PROVIDER


def missing(kind: BreakKind, round_id: str, currency: str = "USD") -> Break:
    return Break(
        id=break_id("book", kind, round_id, currency),
        kind=kind,
        impact=Impact.NONE,
        player="p",
        currency=currency,
        round_id=round_id,
        match_key=0,
        ours=None,
        theirs=None,
        difference=0,
        at=NOON,
        first_seen=NOON,
        explanation="It is missing.",
    )


def explanations(*breaks: Break) -> list[str]:
    return [break_.explanation for break_ in with_spellings(breaks, "book")]


@pytest.mark.parametrize(
    "theirs", ["aB-1", "AB-1 ", "\N{NO-BREAK SPACE}ab-1", "a b-1", "ab\N{ZERO WIDTH SPACE}-1"]
)
def test_rounds_that_differ_by_case_or_blanks_name_each_other(theirs: str) -> None:
    first, second = explanations(missing(LEDGER, theirs), missing(PROVIDER, "ab-1"))

    assert first.startswith('It is missing. The ledger has round "ab-1", whose id differs only')
    assert second.startswith("It is missing. book has round ")


@pytest.mark.parametrize(
    "breaks",
    [
        (missing(LEDGER, "ab-1"), missing(PROVIDER, "ab-2")),
        (missing(LEDGER, "ab-1"), missing(PROVIDER, "AB-1", "EUR")),
        (missing(LEDGER, "ab-1"), missing(LEDGER, "AB-1")),
        (missing(LEDGER, "ab-1"), missing(PROVIDER, "AB-1"), missing(PROVIDER, "Ab-1")),
        (missing(BreakKind.STAKE, "ab-1"), missing(PROVIDER, "AB-1")),
    ],
)
def test_other_breaks_keep_their_sentence(breaks: tuple[Break, ...]) -> None:
    assert set(explanations(*breaks)) == {"It is missing."}
