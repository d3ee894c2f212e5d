"""What a dispute pack says to a provider, and how its answer files are read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from breaks.disputes.answers import AnswerProblem
from breaks.disputes.model import AnswerKind, Dispute, DisputeLine, LineState
from breaks.impact import AXES, Axes
from breaks.kinds import BreakKind
from providers.contract import SigningMethod
from reports.disputes.answer_file import FIELDS, AnswerFormat, read_answers
from reports.disputes.content import REASONS, DisputeContent
from reports.disputes.workbooks import answer_csv

HEADER = ",".join(FIELDS)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def content_of(differences: Sequence[int], currency: str, digits: int) -> DisputeContent:
    """A pack of lines with some differences."""
    lines = tuple(
        DisputeLine(
            dispute_id="dsp-1",
            line=number,
            break_id=f"brk-{number}",
            round_id=f'r"{number}',
            alias="",
            kind=BreakKind.PAYOUT,
            currency=currency,
            ours=None,
            theirs=None,
            difference=difference,
            difference_now=difference,
            began_at=NOON,
            state=LineState.UNANSWERED,
        )
        for number, difference in enumerate(differences, start=1)
    )
    return DisputeContent(
        dispute=Dispute(
            dispute_id="dsp-1",
            provider="lottery",
            note="",
            opened_by="maria",
            opened_at=NOON,
            lines=lines,
        ),
        number=1,
        exported_by="maria",
        exported_at=NOON,
        due_at=NOON,
        evidence={},
        signing=SigningMethod(digest="", place="", text="", command=""),
        exponents={currency: digits},
    )


def written(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "answers.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_every_kind_that_changes_an_invoice_has_a_reason_for_the_provider() -> None:
    disputable = {kind for kind, axes in AXES.items() if axes in {Axes.BOTH, Axes.PROVIDER}}
    assert set(REASONS) == disputable


def test_lines_are_read_and_those_without_an_answer_are_counted(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "dsp-1/1,r1,EUR,-2.50,accepted,4711,",
        "dsp-1/2,r2,EUR,1.00,Will restate,,on Monday",
        "dsp-1/3,r3,EUR,1.00,,,",
        "dsp-1/4,r4,JPY,100,rejected,-,n/a",
    )
    file = read_answers(path, AnswerFormat())
    rows = [(row.name, row.amount, row.answer, row.reference, row.comment) for row in file.rows]

    assert rows == [
        ("dsp-1/1", -250, AnswerKind.ACCEPTED, "4711", ""),
        ("dsp-1/2", 100, AnswerKind.WILL_RESTATE, "", "on Monday"),
        ("dsp-1/4", 100, AnswerKind.REJECTED, "-", "n/a"),
    ]
    assert (file.unanswered, file.findings) == (1, ())


def test_the_template_of_an_answer_is_read_as_it_was_written_whatever_the_currency(
    tmp_path: Path,
) -> None:
    differences = [-50, 1, 98_765_432_109_876_543]
    template = answer_csv(content_of(differences, "SOL", 9)).decode()
    path = tmp_path / "answers.csv"
    path.write_text(template.replace(',"","",""', ",accepted,,"), encoding="utf-8")

    file = read_answers(path, AnswerFormat(exponents={"SOL": 9}))

    assert file.findings == ()
    assert [row.amount for row in file.rows] == differences
    assert '"dsp-1/1","r""1","SOL",-0.000000050,' in template


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("dsp-1/1,r1,EUR,2.50,perhaps,,", "one of accepted, rejected, will_restate"),
        ("dsp-1/1,r1,EUR,2.505,accepted,,", "at most 2 digits"),
        ("dsp-1/1,r1,EUR,,accepted,,", "a value is expected"),
        ("dsp-1/1,r1,€,2.50,accepted,,", "currency code"),
        ("dsp-1/1,r1,EUR,2.50", "7 fields are expected"),
    ],
)
def test_a_line_that_cannot_be_read_is_a_finding(
    tmp_path: Path, line: str, detail: str
) -> None:
    file = read_answers(written(tmp_path, line), AnswerFormat())
    (finding,) = file.findings

    assert (finding.file_line, finding.problem) == (2, AnswerProblem.UNREADABLE)
    assert detail in finding.detail


def test_a_providers_own_columns_and_words_are_read_and_further_columns_ignored(
    tmp_path: Path,
) -> None:
    form = AnswerFormat(
        columns={"answer": "Decision", "comment": "Remark"}, answers={"OK": AnswerKind.ACCEPTED}
    )
    header = "agent,line,round_id,currency,difference,Decision,Remark"
    path = written(tmp_path, "kim,dsp-1/1,r1,EUR,2.50,OK,fine", header=header)
    (row,) = read_answers(path, form).rows

    assert (row.answer, row.comment, row.reference) == (AnswerKind.ACCEPTED, "fine", "")


def test_a_workbook_with_numbers_is_read_like_the_csv(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(FIELDS))
    sheet.append(["dsp-1/1", "r1", "EUR", 2.5, "accepted", 4711, None])
    book.save(tmp_path / "answers.xlsx")
    (row,) = read_answers(tmp_path / "answers.xlsx", AnswerFormat()).rows

    assert (row.amount, row.reference) == (250, "4711")


def test_a_file_that_is_no_table_is_one_finding(tmp_path: Path) -> None:
    path = tmp_path / "answers.pdf"
    path.write_bytes(b"%PDF-1.7 nothing to see")
    (finding,) = read_answers(path, AnswerFormat()).findings

    assert "PDF" in finding.detail
