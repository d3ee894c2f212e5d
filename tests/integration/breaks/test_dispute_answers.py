"""Answers to disputes beside what runs and people do to their breaks."""

from concurrent.futures import ThreadPoolExecutor

from breaks.disputes.answers import AnswerFile, AnswerRow, import_answers
from breaks.disputes.model import AnswerKind, DisputeLine
from breaks.disputes.store import get_dispute
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
