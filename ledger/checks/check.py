"""One check of the books, and the part of the books it is run on."""

from dataclasses import dataclass, replace
from datetime import datetime

from ledger.books_mark import WRITTEN_WALLETS

#: Tables whose rows belong to one wallet, so that a check can be limited to some wallets.
_WALLET_TABLES = {
    "operations": "operations",
    "entries": "booked_entries",  # also those whose rows left for an archive
    "entry_rows": "entries",
    "wallets": "wallets",
    "rounds": "rounds",
}
_ENTRY_COLUMNS = (
    "wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount, posted_at"
)
_OTHER_TABLES = (
    *("batches", "deliveries", "parked", "seals"),
    *("residuals", "residual_entries", "runs", "write_offs"),
    *("adjustments", "audit", "fund_requests"),
    *("archived_entries", "archived_totals", "archives", "archive_releases"),
)
#: As in the view: books of which nothing left read no operation for it.
_ANYTHING_LEFT = "SELECT EXISTS (SELECT FROM archived_totals)"
_MOVED_WALLETS = "SELECT o.wallet_id FROM operations o JOIN batches b USING (batch_id)"


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
    """

    name: str
    promise: str
    figure: str
    wrong: str
    holds: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletScope:
    """The wallets to check, each with its whole chain.

    Attributes:
        since: only wallets with an operation committed at or after this instant.
        wallets: only wallet ids from the first to the second, both included.
        mark: only wallets with a row that this snapshot did not see.
    """

    since: datetime | None = None
    wallets: tuple[int, int] | None = None
    mark: str | None = None

    @property
    def is_partial(self) -> bool:
        """Whether any wallet is left out."""
        return self.since is not None or self.wallets is not None

    @property
    def text(self) -> str:
        """The scope in words."""
        words = []
        if self.wallets is not None:
            words.append(f"wallets {self.wallets[0]} to {self.wallets[1]}")
        if self.since is not None:
            words.append(f"wallets that moved since {self.since.isoformat()}")
        return ", ".join(words) or "everything"

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of a rendered query."""
        first, last = self.wallets or (None, None)
        return {
            "first_wallet": first,
            "last_wallet": last,
            "since": self.since,
            "mark": self.mark,
        }

    def within(self, wallets: tuple[int, int]) -> "WalletScope":
        """The part of the scope that is in a range of wallets."""
        first, last = self.wallets or wallets
        return replace(self, wallets=(max(first, wallets[0]), min(last, wallets[1])))

    def render(self, sql: str) -> str:
        """The query over the scope's part of the tables."""
        tables = {name: self._narrowed(table) for name, table in _WALLET_TABLES.items()}
        return sql.format(**tables, **{name: name for name in _OTHER_TABLES})

    def _narrowed(self, table: str) -> str:
        conditions = []
        if self.wallets is not None:
            conditions.append("wallet_id BETWEEN :first_wallet AND :last_wallet")
        if self.since is not None:
            conditions.append(f"wallet_id IN ({_MOVED_WALLETS} WHERE b.committed_at >= :since)")
        if self.mark is not None:
            conditions.append(f"wallet_id IN ({WRITTEN_WALLETS})")
        if not conditions:
            return table
        where = " AND ".join(conditions)
        if table != "booked_entries":
            return f"(SELECT * FROM {table} WHERE {where})"  # noqa: S608 - constants
        # PostgreSQL looks the wallets up in each half, but not in the view that joins both.
        halves = (
            f"SELECT {_ENTRY_COLUMNS} FROM {half} WHERE {where}"  # noqa: S608 - constants
            for half in ("entries", "archived_entries")
        )
        return f"({' UNION ALL '.join(halves)} AND ({_ANYTHING_LEFT}))"
