"""Check files of sealed days without any database: their seals and their contents. Pure.

Memory holds the last operation of every wallet in the files, and the last residual of every
round that has one; no other rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ledger.enums import OWN_SLUG
from ledger.seal.check_residuals import ResidualAudit
from ledger.seal.files import AFTER_BATCHES, SealLine, row_name

#: How many findings are named; all of them are counted.
NAMED_MAX = 20
_PLAYER_ACCOUNTS = frozenset({"player_wallet", "player_receivable"})


@dataclass(slots=True)
class AuditResult:
    """The result of checking or comparing files; the names are JSON keys.

    Attributes:
        seal: the hash computed over the last day read.
        counts: lines by kind over all files.
        wrong: number of findings; ``findings`` names the first of them.
    """

    days: list[str] = field(default_factory=list)
    seal: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    wrong: int = 0
    findings: list[str] = field(default_factory=list)

    def count(self, kind: str) -> None:
        """Count a line of a kind."""
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def add_finding(self, finding: str) -> None:
        """Count a finding, and name it while there are few."""
        self.wrong += 1
        if len(self.findings) < NAMED_MAX:
            self.findings.append(finding)


class Auditor:
    """Checks the files of days, oldest first."""

    def __init__(self) -> None:
        self.result = AuditResult()
        self._last_operations: dict[int, tuple[int, int]] = {}
        self._residuals = ResidualAudit()

    def read_day(self, file: str, lines: Iterable[SealLine]) -> None:
        """Check one file."""
        day = _Day(file, self.result, self._last_operations, self._residuals)
        for line in lines:
            day.read(line)
        day.end()

    def expect_seal(self, seal: str) -> None:
        """Compare the last day with a seal that was kept elsewhere."""
        expected = seal.lower()
        if self.result.seal != expected:
            self.result.add_finding(
                f"the last day's seal is {self.result.seal}, expected is {expected}"
            )


class _Day:
    """Checks the lines of one file.

    ``last_operations`` holds the last position and balance of every wallet, over all files.
    """

    def __init__(
        self,
        file: str,
        result: AuditResult,
        last_operations: dict[int, tuple[int, int]],
        residuals: ResidualAudit,
    ) -> None:
        self._file = file
        self._result = result
        self._last_operations = last_operations
        self._residuals = residuals
        self._hash = sha256()
        self._header: Mapping[str, Any] | None = None
        self._trailer: Mapping[str, Any] | None = None
        self._day = ""
        self._batch: Mapping[str, Any] = {}
        self._operations_in_batch = 0
        self._operation: Mapping[str, Any] | None = None
        self._sums: dict[str, int] = {}
        self._to_player = 0
        self._sort_key: tuple[int, ...] = ()

    def read(self, line: SealLine) -> None:
        """Check the next line."""
        if self._trailer is not None:
            self._add_line_finding(line, "it follows the seal, which is the last line")
        elif line.kind == "trailer":
            self._trailer = line.row
        else:
            self._hash.update(line.raw)
            self._read_hashed(line)

    def end(self) -> None:
        """Check what can be checked only at the end of the file."""
        self._end_batch()
        self._end_residual()
        computed = self._hash.hexdigest()
        self._result.seal = computed
        if self._header is None:
            self._add_finding("it has no header")
        if self._trailer is None:
            self._add_finding("it ends without its seal")
        elif (stated := self._trailer.get("seal")) != computed:
            self._add_finding(f"the lines give the seal {computed}, the file states {stated}")

    def _read_hashed(self, line: SealLine) -> None:
        self._result.count(line.kind)
        if (line.kind == "header") != (line.number == 1):
            self._add_line_finding(line, "the header is the first line, and only the first")
            return
        try:
            {
                "header": self._read_header,
                "batch": self._read_batch,
                "operation": self._read_operation,
                "entry": self._read_entry,
                "delivery": self._read_delivery,
                "residual": self._read_residual,
                "residual_entry": self._read_residual_entry,
            }[line.kind](line)
        except (KeyError, TypeError) as error:
            self._add_line_finding(line, f"a column is missing or of another type: {error}")

    def _read_header(self, line: SealLine) -> None:
        self._header = header = line.row
        days, previous = self._result.days, self._result.seal
        if days and header["previous"] != previous:
            self._add_line_finding(
                line, f"it follows {header['previous']}, the file before has {previous}"
            )
        if days and str(header["day"]) <= days[-1]:
            self._add_line_finding(line, f"it follows {days[-1]}: the oldest day comes first")
        self._day = str(header["day"])
        days.append(self._day)

    def _read_batch(self, line: SealLine) -> None:
        self._end_batch()
        self._batch, self._operations_in_batch = line.row, 0
        self._check_batch_order(line, (line.row["batch_id"], 0))
        if not str(line.row["committed_at"]).startswith(self._day):
            self._add_line_finding(line, "it was not committed on this day")
        if line.row["posted_at"] is None:
            self._add_line_finding(line, "it was not posted")

    def _end_batch(self) -> None:
        self._end_operation()
        stated, present = self._batch.get("operations"), self._operations_in_batch
        if self._batch and stated != present:
            name = row_name("batch", self._batch)
            self._add_finding(f"{name} states {stated} operations, {present} are there")
        self._batch = {}

    def _read_operation(self, line: SealLine) -> None:
        self._end_operation()
        row, position = line.row, (line.row["wallet_id"], line.row["wallet_seq"])
        self._operations_in_batch += 1
        self._operation, self._sums, self._to_player = row, {}, 0
        self._check_batch_order(line, (row["batch_id"], 1, *position, 0))
        if row["provider"] != OWN_SLUG and row["amount"] != row["payout"] - row["stake"]:
            self._add_line_finding(line, "its amount is not payout less stake")
        moves_money = any(row[name] != 0 for name in ("amount", "stake", "payout"))
        if row["decision"] != "accepted" and moves_money:
            self._add_line_finding(line, "it was declined and moves money")
        self._check_chain(line)

    def _check_chain(self, line: SealLine) -> None:
        row, wallet_id = line.row, line.row["wallet_id"]
        last = self._last_operations.get(wallet_id)
        if last is None and row["wallet_seq"] == 1:
            last = (0, 0)
        if last is not None:
            seq, balance = last
            if row["wallet_seq"] != seq + 1:
                self._add_line_finding(line, f"the wallet's last operation is number {seq}")
            elif row["balance_after"] != balance + row["amount"]:
                self._add_line_finding(line, f"its balance does not follow from {balance}")
        self._last_operations[wallet_id] = (row["wallet_seq"], row["balance_after"])

    def _end_operation(self) -> None:
        row = self._operation
        if row is None:
            return
        transaction = f"txn-{row['wallet_id']}-{row['wallet_seq']}"
        for currency, total in self._sums.items():
            if total != 0:
                self._add_finding(f"entries of {transaction} sum to {total} {currency}")
        amount = row["amount"] if row["decision"] == "accepted" else 0
        if self._to_player != amount:
            self._add_finding(
                f"entries of {transaction} move {self._to_player} to the player,"
                f" the operation {amount}"
            )
        self._operation = None

    def _read_entry(self, line: SealLine) -> None:
        row, operation = line.row, self._operation
        position = (row["wallet_id"], row["wallet_seq"])
        if operation is None or position != (operation["wallet_id"], operation["wallet_seq"]):
            self._add_line_finding(line, "it does not follow its operation")
            return
        self._check_batch_order(line, (operation["batch_id"], 1, *position, row["leg"]))
        if any(row[name] != operation[name] for name in ("currency", "provider")):
            self._add_line_finding(line, "its currency or provider is not its operation's")
        self._sums[row["currency"]] = self._sums.get(row["currency"], 0) + row["amount"]
        if row["account"] in _PLAYER_ACCOUNTS:
            self._to_player += row["amount"]

    def _read_delivery(self, line: SealLine) -> None:
        self._end_operation()
        self._check_batch_order(line, (line.row["batch_id"], 2, line.row["delivery_id"]))

    def _read_residual(self, line: SealLine) -> None:
        self._end_batch()
        self._end_residual()
        self._check_order(line, (AFTER_BATCHES, line.row["residual_id"], 0))
        self._add_line_findings(line, self._residuals.begin(line, self._day))

    def _read_residual_entry(self, line: SealLine) -> None:
        self._check_order(line, (AFTER_BATCHES, line.row["residual_id"], line.row["leg"]))
        self._add_line_findings(line, self._residuals.add_entry(line))

    def _end_residual(self) -> None:
        for finding in self._residuals.end():
            self._add_finding(finding)

    def _check_batch_order(self, line: SealLine, sort_key: tuple[int, ...]) -> None:
        if self._batch.get("batch_id") != sort_key[0]:
            self._add_line_finding(line, "it is not among the rows of its batch")
        self._check_order(line, sort_key)

    def _check_order(self, line: SealLine, sort_key: tuple[int, ...]) -> None:
        if self._sort_key and sort_key <= self._sort_key:
            self._add_line_finding(line, "it is out of order or there twice")
        self._sort_key = sort_key

    def _add_line_findings(self, line: SealLine, findings: Iterator[str]) -> None:
        for finding in findings:
            self._add_line_finding(line, finding)

    def _add_line_finding(self, line: SealLine, finding: str) -> None:
        self._result.add_finding(f"{self._file}, line {line.number}: {line.name}: {finding}")

    def _add_finding(self, finding: str) -> None:
        self._result.add_finding(f"{self._file}: {finding}")
