"""Disputes as values: states of lines, claimable money, and answers that hold."""

from dataclasses import replace
from datetime import timedelta

import pytest

from breaks.disputes.answers import AnswerFile, AnswerProblem, AnswerRow, check_answers
from breaks.disputes.claims import NOT_SENT, claims_of
from breaks.disputes.model import (
    AnswerKind,
    BreakPosition,
    Dispute,
    DisputeAnswer,
    DisputeExport,
    DisputeLine,
    DisputeState,
    LineState,
    RoundAmounts,
    state_of,
)
from breaks.kinds import BreakKind
from breaks.states import BreakState
from tests.harness.books.differences.tracked import NOON

DAY = timedelta(days=1)
WAITING = BreakPosition(
    state=BreakState.WAITING,
    since=NOON,
    opened_at=NOON - DAY,
    is_cleared=False,
    is_disputed_later=False,
)
ACCEPTED = DisputeAnswer(
    answer=AnswerKind.ACCEPTED,
    reference="REF-1",
    comment="",
    file="answers.csv",
    file_sha256="0" * 64,
    file_line=2,
    imported_by="maria",
    imported_at=NOON + 2 * DAY,
)
EXPORT = DisputeExport(
    number=1,
    exported_by="maria",
    exported_at=NOON,
    due_at=NOON + 30 * DAY,
    document_sha256="0" * 64,
    pack_sha256="1" * 64,
    size=1,
)


def line(
    number: int = 1,
    *,
    difference: int = 250,
    state: LineState = LineState.UNANSWERED,
    answer: DisputeAnswer | None = None,
) -> DisputeLine:
    return DisputeLine(
        dispute_id="dsp-1",
        line=number,
        break_id=f"brk-{number}",
        round_id=f"r{number}",
        alias="",
        kind=BreakKind.PAYOUT,
        currency="EUR",
        ours=RoundAmounts(stake=100, payout=difference),
        theirs=RoundAmounts(stake=100, payout=0),
        difference=difference,
        difference_now=difference,
        began_at=NOON,
        state=state,
        answer=answer,
    )


def dispute(*lines: DisputeLine, exports: tuple[DisputeExport, ...] = (EXPORT,)) -> Dispute:
    return Dispute(
        dispute_id="dsp-1",
        provider="lottery",
        note="",
        opened_by="maria",
        opened_at=NOON,
        lines=lines or (line(),),
        exports=exports,
    )


@pytest.mark.parametrize("answer", [None, *AnswerKind])
def test_a_line_stands_by_its_answer_while_its_break_waits(answer: AnswerKind | None) -> None:
    state = LineState.UNANSWERED if answer is None else LineState(answer)
    assert state_of(answer, WAITING, opened_at=NOON) is state


@pytest.mark.parametrize(
    ("position", "state"),
    [
        (replace(WAITING, is_cleared=True, state=BreakState.CLOSED), LineState.CURED),
        (replace(WAITING, state=BreakState.WRITTEN_OFF), LineState.SETTLED),
        (replace(WAITING, state=BreakState.CLOSED), LineState.SETTLED),
        (replace(WAITING, state=BreakState.ASSIGNED), LineState.TAKEN_BACK),
        (replace(WAITING, since=NOON + DAY), LineState.TAKEN_BACK),
        (replace(WAITING, is_disputed_later=True), LineState.DISPUTED_AGAIN),
    ],
)
def test_what_became_of_the_break_decides_first(
    position: BreakPosition, state: LineState
) -> None:
    assert state_of(None, position, opened_at=NOON) is state
    assert state_of(AnswerKind.ACCEPTED, position, opened_at=NOON) is state


def test_a_rejected_line_stays_rejected_while_its_break_is_open() -> None:
    position = replace(WAITING, state=BreakState.OPEN, since=NOON + DAY)
    assert state_of(AnswerKind.REJECTED, position, opened_at=NOON) is LineState.REJECTED


@pytest.mark.parametrize("answer", [None, *AnswerKind])
def test_a_break_that_returned_is_no_part_of_the_dispute_any_more(
    answer: AnswerKind | None,
) -> None:
    returned = NOON + DAY
    position = replace(WAITING, state=BreakState.OPEN, since=returned, opened_at=returned)
    assert state_of(answer, position, opened_at=NOON) is LineState.TAKEN_BACK


def test_a_dispute_is_open_then_exported_then_answered_and_may_be_overdue() -> None:
    answered = line(state=LineState.ACCEPTED, answer=ACCEPTED)
    assert dispute(exports=()).state is DisputeState.OPEN
    assert dispute().state is DisputeState.EXPORTED
    assert dispute(answered).state is DisputeState.ANSWERED
    assert not dispute().is_overdue(NOON + 30 * DAY)
    assert dispute().is_overdue(NOON + 31 * DAY)
    assert not dispute(answered).is_overdue(NOON + 31 * DAY)


def test_claims_are_added_up_by_answer_age_and_currency_without_what_is_cured() -> None:
    lines = (
        line(1),
        line(2, difference=-100),
        line(3, state=LineState.ACCEPTED, answer=ACCEPTED),
        line(4, state=LineState.CURED),
        line(5, state=LineState.REJECTED, answer=ACCEPTED),
    )
    claims = [
        (claim.state, claim.age, claim.lines, claim.in_our_favour, claim.in_their_favour)
        for claim in claims_of([dispute(*lines)], NOON + 4 * DAY)
    ]

    assert claims == [
        (LineState.UNANSWERED, "3 to 7 days", 2, 250, 100),
        (LineState.ACCEPTED, "1 to 3 days", 1, 250, 0),
        (LineState.REJECTED, "1 to 3 days", 1, 250, 0),
    ]
    assert claims_of([dispute(exports=())], NOON)[0].age == NOT_SENT
    assert claims_of([dispute(*lines)], NOON + 4 * DAY)[0].net == 150


ROW = AnswerRow(
    file_line=2,
    name="dsp-1/1",
    round_id="r1",
    currency="EUR",
    amount=250,
    answer=AnswerKind.ACCEPTED,
    reference="REF-1",
    comment="",
)


def check(*rows: AnswerRow, of: Dispute | None = None, provider: str = "lottery") -> list[str]:
    """The new answers and the problems of a file, in words."""
    file = AnswerFile(name="a.csv", sha256="2" * 64, rows=rows, unanswered=0, findings=())
    checked = check_answers(
        file, {"dsp-1": of or dispute()}, provider=provider, by="maria", now=NOON
    )
    assert checked.repeated + len(checked.new) + len(checked.findings) == len(rows)
    return [
        *(f"new {line.line} {answer.answer}" for line, answer in checked.new),
        *(f"{finding.file_line} {finding.problem}" for finding in checked.findings),
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "dsp-1/9"}, AnswerProblem.UNKNOWN_LINE),
        ({"name": "dsp-2/1"}, AnswerProblem.UNKNOWN_LINE),
        ({"name": "1"}, AnswerProblem.UNKNOWN_LINE),
        ({"round_id": "r2"}, AnswerProblem.UNKNOWN_LINE),
        ({"amount": 251}, AnswerProblem.WRONG_AMOUNT),
        ({"amount": -250}, AnswerProblem.WRONG_AMOUNT),
        ({"currency": "USD"}, AnswerProblem.WRONG_AMOUNT),
    ],
)
def test_an_answer_that_is_not_about_our_line_is_a_finding(
    change: dict[str, object], problem: AnswerProblem
) -> None:
    assert check(replace(ROW, **change)) == [f"2 {problem}"]  # type: ignore[arg-type]


def test_an_answer_of_another_provider_or_to_what_was_never_sent_is_a_finding() -> None:
    assert check(ROW, provider="casino") == ["2 wrong_provider"]
    assert check(ROW, of=dispute(exports=())) == ["2 not_exported"]


def test_a_second_answer_is_known_if_it_says_the_same_and_else_a_finding() -> None:
    other = replace(ROW, file_line=3, answer=AnswerKind.REJECTED)
    assert check(ROW, replace(ROW, file_line=3)) == ["new 1 accepted"]
    assert check(ROW, other) == ["new 1 accepted", "3 conflicting"]
    answered = dispute(line(state=LineState.ACCEPTED, answer=ACCEPTED))
    assert check(ROW, of=answered) == []
    assert check(other, of=answered) == ["3 conflicting"]
