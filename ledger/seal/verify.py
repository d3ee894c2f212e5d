"""Prove files of sealed days without any database: their seals, and the books in them. Pure.

Memory holds the last place of every wallet that the files name, and of every round that a
residual was booked for; nothing else of the rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ledger.seal.files import AFTER_BATCHES, SealLine
from ledger.seal.residuals import ResidualAudit

#: How many findings are named; all of them are counted.
NAMED_MAX = 20
_OWN = "tieout"
_OF_PLAYER = frozenset({"player_wallet", "player_receivable"})


@dataclass(slots=True)
class AuditResult:
    """What a check came to.

    Attributes:
        seal: the hash computed over the last day read.
        counts: lines by kind over all files.
    """

    days: list[str] = field(default_factory=list)
    seal: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    wrong: int = 0
    findings: list[str] = field(default_factory=list)

    def find(self, what: str) -> None:
        """Count a finding, and name it while there are few."""
        self.wrong += 1
        if len(self.findings) < NAMED_MAX:
            self.findings.append(what)


class Auditor:
    """Reads one day after another, oldest first."""

    def __init__(self) -> None:
        self.audited = AuditResult()
        self._last: dict[int, tuple[int, int]] = {}
        self._residuals = ResidualAudit()

    def day(self, file: str, lines: Iterable[SealLine]) -> None:
        """Take one file."""
        day = _Day(file, self.audited, self._last, self._residuals)
        for line in lines:
            day.take(line)
        day.end()

    def expect(self, seal: str) -> None:
        """Hold the last day against a seal that was kept elsewhere."""
        if self.audited.seal != seal.lower():
            self.audited.find(
                f"the last day's seal is {self.audited.seal}, expected is {seal.lower()}"
            )


class _Day:
    """One file on its way."""

    def __init__(
        self,
        file: str,
        audited: AuditResult,
        last: dict[int, tuple[int, int]],
        residuals: ResidualAudit,
    ) -> None:
        self._file = file
        self._residuals = residuals
        self._audited = audited
        self._last = last
        self._hash = sha256()
        self._header: Mapping[str, Any] | None = None
        self._day = ""
        self._trailer: Mapping[str, Any] | None = None
        self._batch: Mapping[str, Any] = {}
        self._in_batch = 0
        self._operation: Mapping[str, Any] | None = None
        self._sums: dict[str, int] = {}
        self._to_player = 0
        self._counts: dict[str, int] = {}
        self._key: tuple[int, ...] = ()

    def take(self, line: SealLine) -> None:
        """Take the next line."""
        if self._trailer is not None:
            self._find(line, "something follows the seal")
        elif line.kind == "trailer":
            self._trailer = line.row
        else:
            self._hash.update(line.raw)
            self._counted(line)

    def end(self) -> None:
        """Prove what only the whole file can show."""
        self._end_batch()
        self._end_residual()
        audited, computed = self._audited, self._hash.hexdigest()
        audited.seal = computed
        if self._header is None:
            audited.find(f"{self._file}: it has no header")
        if self._trailer is None:
            audited.find(f"{self._file}: it ends without its seal")
        elif self._trailer.get("seal") != computed:
            audited.find(
                f"{self._file}: the lines give the seal {computed}, "
                f"the file says {self._trailer.get('seal')}"
            )

    def _counted(self, line: SealLine) -> None:
        kinds = self._audited.counts
        kinds[line.kind] = kinds.get(line.kind, 0) + 1
        if (line.kind == "header") != (line.number == 1):
            self._find(line, "the header is the first line, and only the first")
            return
        try:
            {
                "header": self._begin,
                "batch": self._begin_batch,
                "operation": self._take_operation,
                "entry": self._take_entry,
                "delivery": self._take_delivery,
                "residual": self._take_residual,
                "residual_entry": self._take_residual_entry,
            }[line.kind](line)
        except (KeyError, TypeError) as error:
            self._find(line, f"a column is missing or of another type: {error}")

    def _begin(self, line: SealLine) -> None:
        self._header = line.row
        days, before = self._audited.days, self._audited.seal
        if days and line.row["previous"] != before:
            self._find(line, f"it follows {line.row['previous']}, the file before has {before}")
        if days and str(line.row["day"]) <= days[-1]:
            self._find(line, f"it follows {days[-1]}: the oldest day comes first")
        self._day = str(line.row["day"])
        days.append(self._day)

    def _begin_batch(self, line: SealLine) -> None:
        self._end_batch()
        self._batch, self._in_batch = line.row, 0
        self._ordered(line, (line.row["batch_id"], 0))
        if not str(line.row["committed_at"]).startswith(self._day):
            self._find(line, "it was not committed on this day")
        if line.row["posted_at"] is None:
            self._find(line, "it was not posted")

    def _end_batch(self) -> None:
        self._end_operation()
        if self._batch and self._batch.get("operations") != self._in_batch:
            said = self._batch.get("operations")
            self._audited.find(
                f"{self._file}: batch {self._batch.get('batch_id')} says it has {said} "
                f"operations, {self._in_batch} are there"
            )
        self._batch = {}

    def _take_operation(self, line: SealLine) -> None:
        self._end_operation()
        row, place = line.row, (line.row["wallet_id"], line.row["wallet_seq"])
        self._in_batch += 1
        self._operation, self._sums, self._to_player = row, {}, 0
        self._ordered(line, (row["batch_id"], 1, *place, 0))
        own = row["provider"] == _OWN
        if not own and row["amount"] != row["payout"] - row["stake"]:
            self._find(line, "its amount is not payout less stake")
        if row["decision"] != "accepted" and (row["amount"], row["stake"], row["payout"]) != (
            *(0, 0, 0),
        ):
            self._find(line, "it was declined and moves money")
        self._chained(line)

    def _chained(self, line: SealLine) -> None:
        row, wallet = line.row, line.row["wallet_id"]
        seq, balance = self._last.get(wallet, (row["wallet_seq"] - 1, None))
        if row["wallet_seq"] == 1:
            seq, balance = (0, 0) if balance is None else (seq, balance)
        if row["wallet_seq"] != seq + 1:
            self._find(line, f"the wallet's chain stood at {seq}")
        elif balance is not None and row["balance_after"] != balance + row["amount"]:
            self._find(line, f"its balance does not follow from {balance}")
        self._last[wallet] = (row["wallet_seq"], row["balance_after"])

    def _end_operation(self) -> None:
        row = self._operation
        if row is None:
            return
        place = f"txn-{row['wallet_id']}-{row['wallet_seq']}"
        for currency, total in self._sums.items():
            if total != 0:
                self._audited.find(
                    f"{self._file}: entries of {place} sum to {total} {currency}"
                )
        moved = row["amount"] if row["decision"] == "accepted" else 0
        if self._to_player != moved:
            self._audited.find(
                f"{self._file}: entries of {place} move {self._to_player} to the player, "
                f"the operation {moved}"
            )
        self._operation = None

    def _take_entry(self, line: SealLine) -> None:
        row, of = line.row, self._operation
        place = (row["wallet_id"], row["wallet_seq"])
        if of is None or place != (of["wallet_id"], of["wallet_seq"]):
            self._find(line, "it does not follow its operation")
            return
        self._ordered(line, (of["batch_id"], 1, *place, row["leg"]))
        if (row["currency"], row["provider"]) != (of["currency"], of["provider"]):
            self._find(line, "its currency or provider is not its operation's")
        self._sums[row["currency"]] = self._sums.get(row["currency"], 0) + row["amount"]
        if row["account"] in _OF_PLAYER:
            self._to_player += row["amount"]

    def _take_delivery(self, line: SealLine) -> None:
        self._end_operation()
        self._ordered(line, (line.row["batch_id"], 2, line.row["delivery_id"]))

    def _take_residual(self, line: SealLine) -> None:
        self._end_batch()
        self._end_residual()
        self._placed(line, (AFTER_BATCHES, line.row["residual_id"], 0))
        for what in self._residuals.take(line, self._day):
            self._find(line, what)

    def _take_residual_entry(self, line: SealLine) -> None:
        self._placed(line, (AFTER_BATCHES, line.row["residual_id"], line.row["leg"]))
        for what in self._residuals.take_entry(line):
            self._find(line, what)

    def _end_residual(self) -> None:
        for what in self._residuals.end():
            self._audited.find(f"{self._file}: {what}")

    def _ordered(self, line: SealLine, key: tuple[int, ...]) -> None:
        if self._batch.get("batch_id") != key[0]:
            self._find(line, "it is not among its batch")
        self._placed(line, key)

    def _placed(self, line: SealLine, key: tuple[int, ...]) -> None:
        if self._key and key <= self._key:
            self._find(line, "it is out of order or there twice")
        self._key = key

    def _find(self, line: SealLine, what: str) -> None:
        self._audited.find(f"{self._file}, line {line.number}: {line.name}: {what}")
