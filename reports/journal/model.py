"""Journals and their lines, and which journals are due. Pure.

A journal books one provider's business day in one currency. What changed since it was issued is
booked by a further journal, with a number and an id of its own; no issued journal changes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.queries.account_movements import AccountMovement, BookingNature
from reports.journal.accounts import ACCOUNTS, FeeAccount
from vocabulary.errors import Contradiction

#: The nature of the lines that accrue a provider's fee.
FEE = "fee"
#: Nature and account of a line.
LineKey = tuple[str, str]
#: The amounts of a journal by nature and account, minor units; positive is a credit.
Amounts = Mapping[LineKey, int]


class JournalKind(StrEnum):
    """What a journal books; a closed set."""

    DAY = "day"
    FEE = "fee"  # a month's fee of a provider, on the month's last day


_NATURES: tuple[str, ...] = (*map(str, BookingNature), FEE)


class JournalUnbalanced(Contradiction):
    """The amounts of a journal do not sum to zero."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class JournalKey:
    """What a journal is about.

    Attributes:
        provider: the slug; ours for our own operations.
    """

    business_day: date
    provider: str
    kind: JournalKind
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line.

    Attributes:
        account: an account of the ledger or of the fee.
        code: the account in the general ledger.
        minor: minor units; positive is a credit.
    """

    nature: str
    account: str
    code: str
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJournal:
    """A journal that is due.

    Attributes:
        version: 1; a later one books what changed since those before it.
    """

    key: JournalKey
    version: int
    lines: tuple[JournalLine, ...]

    @property
    def external_id(self) -> str:
        """The id by which an importing program knows the journal again."""
        key = self.key
        period = f"fee-{key.business_day:%Y-%m}"
        if key.kind is JournalKind.DAY:
            period = str(key.business_day)
        return f"tieout-{key.provider}-{period}-{key.currency}-{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedJournal:
    """A journal as it is stored.

    Attributes:
        number: 1, 2, 3 … over all journals.
        digits: after the decimal point of its amounts.
    """

    number: int
    external_id: str
    key: JournalKey
    version: int
    digits: int
    issued_at: datetime
    issued_by: str
    lines: tuple[JournalLine, ...]

    @property
    def debit(self) -> int:
        """The sum of its debits, which is the sum of its credits; minor units."""
        return -sum(line.minor for line in self.lines if line.minor < 0)

    @property
    def narration(self) -> str:
        """What it books, in one sentence; unlike that of any other journal."""
        key = self.key
        subject = f"rounds of {key.provider} that began on {key.business_day}"
        if key.kind is JournalKind.FEE:
            subject = f"fee of {key.provider} for {key.business_day:%Y-%m}"
        elif key.provider == "tieout":
            subject = f"deposits, withdrawals and corrections of {key.business_day}"
        what = subject if self.version == 1 else f"what changed since in {subject}"
        return f"{self.external_id} No. {self.number}: {what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What the issued journals of a key book together.

    Attributes:
        version: the last one's.
    """

    version: int
    amounts: Amounts


NOTHING_BOOKED = Booked(version=0, amounts={})


def amounts_by_currency(movements: Iterable[AccountMovement]) -> dict[str, dict[LineKey, int]]:
    """The amounts of a day's journals, by currency."""
    amounts: dict[str, dict[LineKey, int]] = defaultdict(dict)
    for movement in movements:
        line = (str(movement.nature), str(movement.account))
        amounts[movement.currency][line] = movement.minor
    return dict(amounts)


def fee_amounts(minor: int) -> dict[LineKey, int]:
    """The amounts of a fee accrual; empty for no fee."""
    if not minor:
        return {}
    return {(FEE, str(FeeAccount.EXPENSE)): -minor, (FEE, str(FeeAccount.ACCRUED)): minor}


def due_journals(
    targets: Mapping[JournalKey, Amounts],
    booked: Mapping[JournalKey, Booked],
    codes: Mapping[str, str],
) -> list[NewJournal]:
    """The journals after which exactly the targets are booked, in the order of their keys.

    Args:
        targets: what the ledger holds now.
        booked: what the issued journals of the same days book.
        codes: the general ledger's code of each account.

    Raises:
        JournalUnbalanced: the amounts of a target do not sum to zero.
    """
    due = []
    for key in sorted({*targets, *booked}):
        before = booked.get(key, NOTHING_BOOKED)
        lines = _lines(targets.get(key, {}), before.amounts, codes)
        if lines:
            due.append(NewJournal(key=key, version=before.version + 1, lines=lines))
    for journal in due:
        _check_balanced(journal)
    return due


def _lines(
    target: Amounts, booked: Amounts, codes: Mapping[str, str]
) -> tuple[JournalLine, ...]:
    keys = sorted({*target, *booked}, key=_rank)
    changes = ((key, target.get(key, 0) - booked.get(key, 0)) for key in keys)
    return tuple(
        JournalLine(nature=nature, account=account, code=codes[account], minor=minor)
        for (nature, account), minor in changes
        if minor
    )


def _rank(line: LineKey) -> tuple[int, int]:
    nature, account = line
    return _NATURES.index(nature), ACCOUNTS.index(account)


def _check_balanced(journal: NewJournal) -> None:
    total = sum(line.minor for line in journal.lines)
    if total:
        raise JournalUnbalanced(f"{journal.external_id} does not sum to zero: {total}")
