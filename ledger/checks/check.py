"""One check of the books, and the part of the books it is run on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from ledger.proofs.books_mark import WRITTEN_WALLETS
from storage.proofs import BEGINS_AT_MONTH_END

#: Tables whose rows belong to one wallet, so that a check can be limited to some wallets.
_WALLET_TABLES = {
    "operations": "operations",
    "entries": "booked_entries",  # also those whose rows left for an archive
    "entry_rows": "entries",
    "wallets": "wallets",
    "rounds": "rounds",
    # Those that others refer to: as far back as they go, also from a month end on.
    "known_operations": "operations",
    "round_operations": "operations",
    "month_end": "month_end_wallets",
    "month_end_wallets": "month_end_wallets",
}
_ENTRY_COLUMNS = (
    "wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount, posted_at"
)
_OTHER_TABLES = (
    *("batches", "deliveries", "parked", "seals", "sealed_days", "month_ends"),
    *("residuals", "residual_entries", "runs", "write_offs"),
    *("breaks", "break_workflows", "listed_breaks"),
    *("adjustments", "audit", "fund_requests"),
    *("archived_entries", "archived_totals", "archives", "archive_releases"),
)
_OTHER_NAMES = {"sealed_days": "seals"}
#: As in the view: books of which nothing left read no operation for it.
_ANYTHING_LEFT = "SELECT EXISTS (SELECT FROM archived_totals)"
_MOVED_WALLETS = "SELECT o.wallet_id FROM operations o JOIN batches b USING (batch_id)"
#: By how much the clocks of receivers and database may differ at most.
CLOCKS_DIFFER = timedelta(hours=1)
_LATER = """
  LEFT JOIN month_end_wallets p ON p.wallet_id = t.wallet_id
 WHERE t.wallet_seq > coalesce(p.wallet_seq, 0)"""
_LATER_OPERATIONS = f"FROM operations t {_LATER} AND t.batch_id >= :first_batch"
_ENTRY_LIST = ", ".join(f"t.{column}" for column in _ENTRY_COLUMNS.split(", "))
#: The rows of wallets that lie after the month end. A round that began before it, or while
#: clocks may differ, is left out with its operations.
LATER_ROWS: Mapping[str, str] = MappingProxyType(
    {
        "operations": f"SELECT t.* {_LATER_OPERATIONS}",
        "entry_rows": f"SELECT t.* FROM entries t {_LATER}",  # noqa: S608 - constants
        "entries": f"SELECT {_ENTRY_LIST} FROM entries t {_LATER} UNION ALL"  # noqa: S608
        f" SELECT {_ENTRY_LIST} FROM archived_entries t {_LATER}"
        " AND t.batch_id >= :first_batch",
        "rounds": "SELECT t.* FROM rounds t WHERE t.first_at >= :first_round",
        "round_operations": f"""
SELECT t.* FROM (SELECT t.* {_LATER_OPERATIONS}) t
  LEFT JOIN rounds r ON (r.match_key, r.provider, r.round_id, r.wallet_id)
                        = (t.match_key, t.provider, t.round_id, t.wallet_id)
 WHERE (r.first_at IS NULL OR r.first_at >= :first_round)""",  # noqa: S608 - constants
    }
)
#: Rows of other tables that lie after the month end.
FROM_MONTH_END: Mapping[str, str] = MappingProxyType(
    {
        "batches": "(SELECT * FROM batches WHERE committed_at >= :month_end)",
        "deliveries": "(SELECT d.* FROM deliveries d LEFT JOIN batches b USING (batch_id)"
        " WHERE d.batch_id >= :first_batch"
        " AND (b.batch_id IS NULL OR b.committed_at >= :month_end))",
        "sealed_days": "(SELECT * FROM seals"
        " WHERE day >= (CAST(:month_end AS timestamptz) AT TIME ZONE 'UTC')::date)",
    }
)


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """The newest month end, as a snapshot of the database has it.

    Attributes:
        at: its instant.
        first_batch: the first batch after it; beyond all batches, if there is none.
    """

    at: datetime
    first_batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCheck:
    """One promise of the books, with the SQL that checks it.

    Attributes:
        promise: what holds, in words.
        figure: SQL for how many rows the promise covers.
        wrong: SQL for the rows that break it; its only column names the row. Tables are written
            in braces, ``{operations}``, so that a partial check can narrow them.
        holds: SQL that is true only if no row breaks the promise, and costs less than
            ``wrong``, which then is not run; None: there is none.
        remedy: the command that mends wrong rows, in words, if they only mirror others; None:
            rows of the books are evidence, and nothing mends them.
    """

    name: str
    promise: str
    figure: str
    wrong: str
    holds: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletScope:
    """The wallets to check, each with its whole chain or from a month end on.

    Attributes:
        since: only wallets with an operation committed at or after this instant.
        wallets: only wallet ids from the first to the second, both included.
        month_end: begin each chain where it left it; None: at the first position.
        mark: only wallets with a row that this snapshot did not see.
    """

    since: datetime | None = None
    wallets: tuple[int, int] | None = None
    month_end: MonthEnd | None = None
    mark: str | None = None

    @property
    def is_partial(self) -> bool:
        """Whether any wallet or operation is left out."""
        return self.leaves_out_wallets or self.month_end is not None

    @property
    def leaves_out_wallets(self) -> bool:
        """Whether any wallet is left out."""
        narrowing = (self.since, self.wallets, self.mark)
        return any(limit is not None for limit in narrowing)

    @property
    def text(self) -> str:
        """The scope in words."""
        words = []
        if self.wallets is not None:
            words.append(f"wallets {self.wallets[0]} to {self.wallets[1]}")
        if self.since is not None:
            words.append(f"wallets that moved since {self.since.isoformat()}")
        if self.month_end is not None:
            words.append(f"{BEGINS_AT_MONTH_END}{self.month_end.at.isoformat()} on")
        return ", ".join(words) or "everything"

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of a rendered query."""
        first, last = self.wallets or (None, None)
        parameters: dict[str, object] = {
            "first_wallet": first,
            "last_wallet": last,
            "since": self.since,
            "mark": self.mark,
        }
        if self.month_end is None:
            return parameters
        at, first_batch = self.month_end.at, self.month_end.first_batch
        later = {"month_end": at, "first_round": at + CLOCKS_DIFFER, "first_batch": first_batch}
        return parameters | later

    def within(self, wallets: tuple[int, int]) -> "WalletScope":
        """The part of the scope that is in a range of wallets."""
        first, last = self.wallets or wallets
        return replace(self, wallets=(max(first, wallets[0]), min(last, wallets[1])))

    def render(self, sql: str) -> str:
        """The query over the scope's part of the tables."""
        other_tables = {name: _OTHER_NAMES.get(name, name) for name in _OTHER_TABLES}
        if self.month_end is not None:
            other_tables |= FROM_MONTH_END
        tables = {name: self._narrowed(name, table) for name, table in _WALLET_TABLES.items()}
        return sql.format(**tables, **other_tables)

    def rows(self, name: str) -> str:
        """A query of the scope's rows ``t`` of a table; more conditions may follow it."""
        if self.month_end is not None and name in LATER_ROWS:
            return self._where(LATER_ROWS[name])
        return self._where(f"SELECT t.* FROM {_WALLET_TABLES[name]} t WHERE true")  # noqa: S608 - constants

    def _narrowed(self, name: str, table: str) -> str:
        if name == "month_end" and self.month_end is None:
            return "(SELECT * FROM month_end_wallets WHERE false)"
        if self.month_end is not None and name in LATER_ROWS:
            return f"({self._where(LATER_ROWS[name])})"
        if table != "booked_entries" or not self.leaves_out_wallets:
            narrowed = self._where(f"SELECT * FROM {table} t WHERE true")  # noqa: S608 - constants
            return f"({narrowed})" if self.leaves_out_wallets else table
        # PostgreSQL looks the wallets up in each half, but not in the view that joins both.
        halves = (
            self._where(f"SELECT {_ENTRY_COLUMNS} FROM {half} t WHERE true")  # noqa: S608 - constants
            for half in ("entries", "archived_entries")
        )
        return f"({' UNION ALL '.join(halves)} AND ({_ANYTHING_LEFT}))"

    def _where(self, query: str) -> str:
        """A query of rows ``t``, one or several halves of a union, limited to the wallets."""
        conditions = ""
        if self.wallets is not None:
            conditions += " AND t.wallet_id BETWEEN :first_wallet AND :last_wallet"
        if self.since is not None:
            moved = f"{_MOVED_WALLETS} WHERE b.committed_at >= :since"
            conditions += f" AND t.wallet_id IN ({moved})"
        if self.mark is not None:
            conditions += f" AND t.wallet_id IN ({WRITTEN_WALLETS})"
        return " UNION ALL ".join(half + conditions for half in query.split(" UNION ALL "))
