"""One promise of the books, and how much of the books it is asked of."""

from dataclasses import dataclass
from datetime import datetime

#: Tables whose rows belong to one wallet, so that a proof may be asked of some wallets only.
_OF_WALLETS = ("operations", "entries", "wallets", "rounds")
_WHOLE = ("batches", "deliveries", "parked", "seals", "residuals", "residual_entries", "runs")


_MOVED = "SELECT o.wallet_id FROM operations o JOIN batches b USING (batch_id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCheck:
    """One thing the books promise.

    Attributes:
        figure: SQL for how many rows the promise covers.
        wrong: SQL for the rows that break it; its one column names the row. Tables are written
            in braces, ``{operations}``, so that a partial proof can narrow them down.
        by_wallet: it can be asked of some wallets, because it joins nothing of two of them.
    """

    name: str
    promise: str
    figure: str
    wrong: str
    by_wallet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletScope:
    """Of which wallets the proof is asked: their whole chains, or nothing of them.

    Attributes:
        since: only wallets with an operation committed at or after this instant.
        wallets: only wallet ids from the first to the second, both included.
    """

    since: datetime | None = None
    wallets: tuple[int, int] | None = None

    @property
    def is_partial(self) -> bool:
        """Whether anything is left out."""
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
        return {"first_wallet": first, "last_wallet": last, "since": self.since}

    def render(self, sql: str) -> str:
        """The query over the tables, or over the part of them that is asked for."""
        tables = {name: self._narrowed(name) for name in _OF_WALLETS}
        return sql.format(**tables, **{name: name for name in _WHOLE})

    def _narrowed(self, table: str) -> str:
        limits = []
        if self.wallets is not None:
            limits.append("wallet_id BETWEEN :first_wallet AND :last_wallet")
        if self.since is not None:
            limits.append(f"wallet_id IN ({_MOVED} WHERE b.committed_at >= :since)")
        if not limits:
            return table
        return f"(SELECT * FROM {table} WHERE {' AND '.join(limits)})"  # noqa: S608 - constants
