"""A finding of a cross-check besides the two books, and the break that it becomes."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breaks.impact import player_impact
from breaks.kinds import OF_BOOKS, BreakKind
from reconcile.findings.breaks import Break, break_id
from reconcile.snapshot.shared_rounds import share_name
from vocabulary.currencies import NO_CURRENCY

#: ISO 4217's code for no currency, for an operation that nobody booked.


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheckFinding:
    """What a cross-check found.

    Attributes:
        row: names round, match key, player, currency and instant of what it is about; and, if
            it is about a wallet, whether other wallets share the round.
        difference: signed minor units; positive means the player is owed.
        subject: what it is about within the round; may be empty.
    """

    kind: BreakKind
    row: Mapping[str, Any]
    explanation: str
    difference: int = 0
    subject: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def break_of(finding: CrossCheckFinding, provider: str, now: datetime) -> Break:
    """Convert a finding to a break."""
    row = finding.row
    round_id = row["round_id"] or row.get("op_key") or ""
    currency = row["currency"] or NO_CURRENCY
    name = share_name(round_id, row["player"]) if row.get("is_shared") else round_id
    return Break(
        id=break_id(provider, finding.kind, name, currency, finding.subject),
        kind=finding.kind,
        impact=player_impact(finding.kind, finding.difference),
        player=row["player"] or "",
        currency=currency,
        round_id=round_id,
        match_key=row["match_key"] or 0,
        ours=None,
        theirs=None,
        difference=finding.difference,
        at=row["received_at"],
        first_seen=now,
        explanation=finding.explanation,
        subject=finding.subject,
        evidence=finding.evidence,
    )


#: SQL: whether another wallet of the currency has the round of an operation ``{row}``.
IS_SHARED = """
       (SELECT true FROM rounds x
         WHERE x.match_key = {row}.match_key AND x.round_id = {row}.round_id
           AND x.provider IS NOT DISTINCT FROM {{provider}}
           AND x.currency = w.currency AND x.wallet_id <> w.wallet_id LIMIT 1) IS TRUE
         AS is_shared"""


@dataclass(frozen=True, slots=True)
class BrokenRounds:
    """The rounds whose two books differ.

    Such a round needs no break of its own for what a cross-check finds about it.

    Attributes:
        shares: by round, the players whose shares differ; an empty name: the whole round.
    """

    shares: Mapping[str, Set[str]]

    @classmethod
    def of(cls, breaks: Iterable[Break]) -> "BrokenRounds":
        """Return the rounds of breaks of the books, under both ids of each."""
        shares: dict[str, set[str]] = {}
        for break_ in breaks:
            if break_.kind in OF_BOOKS:
                for name in _round_ids(break_):
                    shares.setdefault(name, set()).add(break_.share)
        return cls(shares)

    def explain(self, round_id: str | None, player: str | None) -> bool:
        """Check whether the books of a round differ.

        Args:
            round_id: of the round; None: it is about none.
            player: whose share of the round it is about; empty or None: of any player.
        """
        shares = self.shares.get(round_id or "", frozenset())
        return bool(shares) and (not player or "" in shares or player in shares)


def _round_ids(break_: Break) -> tuple[str, ...]:
    if break_.kind is BreakKind.ID_SPELLING:
        return break_.round_id, break_.alias
    return (break_.round_id,)


def operation_evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    """Reference an operation, and its position in the wallet's chain if it was booked."""
    if row.get("wallet_id") is None:
        return {"operations": [row["op_key"]]}
    return {
        "operations": [row["op_key"]],
        "transactions": [row["transaction"]],
    }
