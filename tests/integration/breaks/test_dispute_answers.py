"""Answers to disputes beside what runs and people do to their breaks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from breaks.actions import apply, explaining
from breaks.disputes.answers import AnswerFile, AnswerRow, import_answers
from breaks.disputes.claim_sums import claim_sums
from breaks.disputes.claims import claims_of
from breaks.disputes.model import AnswerKind, DisputeLine, LineState
from breaks.disputes.store import claimed_disputes, get_dispute
from breaks.states import BreakState
from breaks.store import lock_break, move_break, read_break
from tests.harness.books.differences.breaks import EVENING
from tests.harness.books.differences.dispute_commands import Disputes
from tests.harness.books.ledger import SLUG
from tests.harness.books.lock_waits import until_somebody_waits
from vocabulary.clock import SystemClock


def only_line(disputes: Disputes, dispute: str) -> DisputeLine:
    with disputes.daily.books.engine.connect() as connection:
        (line,) = get_dispute(connection, dispute).lines
    return line


def rejecting(line: DisputeLine) -> AnswerFile:
    row = AnswerRow(
        file_line=2,
        name=line.name,
        round_id=line.round_id,
        currency=line.currency,
        amount=line.difference,
        answer=AnswerKind.REJECTED,
        reference="",
        comment="it was never sent",
    )
    return AnswerFile(
        name="answers.csv", sha256="0" * 64, rows=(row,), unanswered=0, findings=()
    )


def test_an_answer_does_not_reopen_what_is_closed_at_that_moment(disputes: Disputes) -> None:
    engine = disputes.daily.books.engine
    dispute = disputes.opened("r1")
    disputes.exported(dispute)
    line = only_line(disputes, dispute)
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            break_ = lock_break(connection, line.break_id)
            move_break(
                connection,
                break_,
                BreakState.CLOSED,
                by="reconcile",
                now=SystemClock().now(),
                action="closed",
                why="it is no longer found",
            )
            imported = pool.submit(
                import_answers, engine, rejecting(line), provider=SLUG, by="maria", now=EVENING
            )
            until_somebody_waits(engine)
        assert imported.result().stored == {line.name: AnswerKind.REJECTED}

    assert read_break(engine, line.break_id).state is BreakState.CLOSED


def test_a_rejected_break_that_was_settled_and_returned_is_claimed_no_more(
    disputes: Disputes,
) -> None:
    books = disputes.daily.books
    dispute = disputes.opened("r1")
    disputes.exported(dispute)
    line = only_line(disputes, dispute)
    now = SystemClock().now()
    import_answers(books.engine, rejecting(line), provider=SLUG, by="maria", now=now)
    assert only_line(disputes, dispute).state is LineState.REJECTED
    apply(books.engine, line.break_id, explaining(by="maria", why="they are right", now=now))
    books.theirs("r1", 100, 17)
    books.run(at=now + timedelta(hours=1))

    assert disputes.breaks()["r1"].state is BreakState.OPEN
    assert only_line(disputes, dispute).state is LineState.TAKEN_BACK
    later = now + timedelta(hours=2)
    with books.engine.connect() as connection:
        assert claim_sums(connection, now=later) == []
        assert claims_of(claimed_disputes(connection), later) == []
