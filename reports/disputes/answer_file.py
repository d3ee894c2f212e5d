"""Answer files: the template that a pack contains, and what a provider made of it.

A file is CSV or a workbook, also packed, and is read like a statement: the same notations of
values, the same sentences about what is wrong. Every row of it becomes a row or a finding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from breaks.disputes.answers import AnswerFile, AnswerFinding, AnswerProblem, AnswerRow
from breaks.disputes.model import ANSWER_COLUMNS, AnswerKind
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.table import UnreadableRow
from feeds.value_table import ValueReader, ValueRow
from providers.statements.format import FieldKind
from vocabulary.currencies import digits_of, is_currency
from vocabulary.errors import Malformed
from vocabulary.money import minor_from_text

#: The columns of the template, in order, and how their values are read.
FIELDS: Mapping[str, FieldKind] = dict(
    zip(
        ANSWER_COLUMNS,
        (
            *(FieldKind.ID, FieldKind.ID, FieldKind.WORD, FieldKind.AMOUNT),
            *(FieldKind.WORD, FieldKind.ID, FieldKind.WORD),
        ),
        strict=True,
    )
)
_OPTIONAL = frozenset({"reference", "comment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFormat:
    """How a provider writes its answers.

    Attributes:
        columns: the template's name of a column to the provider's; those left out are the same.
        answers: the provider's words for answers to ours.
        exponents: the provider's overrides of digits after the decimal point.
        rules: how the values are written.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, AnswerKind] = field(default_factory=dict)
    exponents: Mapping[str, int] = field(default_factory=dict)
    rules: FileRules = field(default_factory=lambda: FileRules(final_newline=False))

    def column(self, name: str) -> str:
        """The provider's name of a column."""
        return self.columns.get(name, name)


def read_answers(path: Path, form: AnswerFormat) -> AnswerFile:
    """Read an answer file; what cannot be read of it is a finding.

    Raises:
        Malformed: there is no readable file.
    """
    reader = ValueReader(
        fields={form.column(name): kind for name, kind in FIELDS.items()},
        optional=frozenset(map(form.column, _OPTIONAL)),
        exponents=form.exponents,
        ignores_others=True,
        # A reference may be any number, and a comment any word; a round id that lost digits is
        # not the one of its line.
        rules=replace(form.rules, numeric_ids=True, null_text=()),
    )
    try:
        digest = sha256(path.read_bytes()).hexdigest()
        with path.open("rb") as stream:
            items = list(reader.read(stream, path.name))
    except OSError as error:
        raise Malformed(str(path), f"a readable file is expected: {error.strerror}") from error
    lines = [_line(item, form) for item in items]
    return AnswerFile(
        name=path.name,
        sha256=digest,
        rows=tuple(line for line in lines if isinstance(line, AnswerRow)),
        unanswered=lines.count(None),
        findings=tuple(line for line in lines if isinstance(line, AnswerFinding)),
    )


def _line(
    item: ValueRow | UnreadableRow, form: AnswerFormat
) -> AnswerRow | AnswerFinding | None:
    """A row of the file; None: it has no answer yet."""
    if isinstance(item, UnreadableRow):
        return _unreadable(item, "")
    values = {name: item.values.get(form.column(name), "") for name in FIELDS}
    if not values["answer"]:
        return None
    try:
        return _answer_row(item.line, values, form)
    except Malformed as error:
        named = Malformed(form.column(error.path), error.reason)
        return _unreadable(item.problem(named), values["line"])


def _answer_row(line: int, values: Mapping[str, str], form: AnswerFormat) -> AnswerRow:
    for name, text in _needed(values):
        if not text:
            raise Malformed(name, "a value is expected")
    if not is_currency(values["currency"]):
        raise Malformed("currency", "a currency code such as USD is expected")
    digits = digits_of(values["currency"], form.exponents)
    return AnswerRow(
        file_line=line,
        name=values["line"],
        round_id=values["round_id"],
        currency=values["currency"],
        amount=minor_from_text(values["difference"], digits, path="difference"),
        answer=_answer_kind(values["answer"], form),
        reference=values["reference"],
        comment=values["comment"],
    )


def _needed(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, text) for name, text in values.items() if name not in _OPTIONAL)


def _answer_kind(word: str, form: AnswerFormat) -> AnswerKind:
    if word in form.answers:
        return form.answers[word]
    try:
        return AnswerKind(word.lower().replace(" ", "_"))
    except ValueError:
        words = ", ".join([*AnswerKind, *form.answers])
        raise Malformed("answer", f"one of {words} is expected") from None


def _unreadable(row: UnreadableRow, name: str) -> AnswerFinding:
    return AnswerFinding(
        file_line=row.line, problem=AnswerProblem.UNREADABLE, name=name, detail=row.reason
    )
