"""The provider's own requests about disputed rounds, as it signed them, and our replies.

Only what this provider sent and what it was answered is read: no correction of ours, nothing of
another provider, and of the stored headers only those by which a signature is checked.
Tables read: ``rounds``, ``wallets``, ``operations``, ``deliveries``, ``breaks``,
``feed_records``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from breaks.disputes.model import Dispute, DisputeLine
from providers.contract import Callback, Provider, Verified
from providers.dialect import Dialect
from storage.archive.restore import restored_deliveries, restored_operations
from storage.archive.row_cut import require_names, round_named
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.ids import match_key

#: The most requests of one line that a pack shows.
REQUESTS_MAX = 50
#: The operations that a provider's callbacks become; all others are our own.
_CALLBACKS = ["bet", "win", "bet_and_win", "rollback", "round_end"]
#: A header that is shown beside those of the signature.
_CONTENT_TYPE = "content-type"

_OPERATIONS = """
SELECT w.line, o.wallet_id, o.wallet_seq, o.op_key, o.kind::text AS kind,
       o.decision::text AS outcome, o.amount, o.currency, o.route, o.headers, o.body,
       o.reply_status, o.reply, o.received_at
  FROM unnest(CAST(:lines AS int[]), CAST(:keys AS bigint[]), CAST(:rounds AS text[]),
              CAST(:players AS text[])) AS w (line, match_key, round_id, player)
  JOIN rounds r ON r.match_key = w.match_key AND r.provider = :provider
               AND r.round_id = w.round_id
  JOIN wallets p ON p.wallet_id = r.wallet_id AND (w.player IS NULL OR p.player = w.player)
  JOIN operations o ON o.wallet_id = r.wallet_id AND o.match_key = r.match_key
                   AND o.provider = r.provider AND o.round_id = r.round_id
 WHERE o.kind::text = ANY(CAST(:callbacks AS text[])) AND o.received_at <= :until
 ORDER BY w.line, o.received_at, o.wallet_seq
"""
# Requests that moved nothing: repeats, conflicts and refusals.
_REFUSED = """
SELECT w.line, d.delivery_id, d.op_key, d.verdict AS outcome, d.route, d.headers, d.body,
       d.reply_status, d.reply, d.received_at
  FROM unnest(CAST(:lines AS int[]), CAST(:op_keys AS text[])) AS w (line, op_key)
  JOIN deliveries d ON d.provider = :provider AND d.op_key = w.op_key
 WHERE d.verdict <> 'recorded' AND d.received_at <= :until
 ORDER BY w.line, d.delivery_id
"""
_BREAKS = "SELECT break_id, player, evidence FROM breaks WHERE break_id = ANY(:ids)"
_RECORDS = """
SELECT w.line, f.record_id, f.handle
  FROM unnest(CAST(:lines AS int[]), CAST(:keys AS bigint[]), CAST(:rounds AS text[]),
              CAST(:players AS text[])) AS w (line, match_key, round_id, player)
  JOIN feed_records f ON f.match_key = w.match_key AND f.provider = :provider
                     AND f.round_id = w.round_id
  LEFT JOIN handles h ON h.provider = f.provider AND h.handle = f.handle
 WHERE w.player IS NULL OR coalesce(h.player, f.handle) = w.player
 ORDER BY w.line, f.created_at, f.record_id, f.occurrence
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """One request of the provider, and what we answered.

    Attributes:
        operation: the provider's key of the operation; empty: it has none.
        kind: what it asked for; None: it moved nothing.
        outcome: accepted, declined, or why it moved nothing.
        amount: signed effect on the player's balance, minor units; None: it moved nothing.
        currency: of the amount; None likewise.
        received_at: by our clock.
        headers: those by which the signature is checked, and the content type.
        signed: the text that the signature covers; None: no secret of today gives it.
        signature: as the provider presented it; None likewise.
    """

    operation: str
    kind: str | None
    outcome: str
    amount: int | None
    currency: str | None
    received_at: datetime
    route: str
    headers: Mapping[str, str]
    body: bytes
    reply_status: int
    reply: bytes
    signed: bytes | None
    signature: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEvidence:
    """What is shown of one line besides its amounts.

    Attributes:
        player: the provider's id of the player, as the provider sent it; None: it sent none.
        records: the ids of the provider's own records of the round.
        left_out: requests beyond ``REQUESTS_MAX``.
    """

    player: str | None
    records: tuple[str, ...]
    requests: tuple[SignedRequest, ...]
    left_out: int


def evidence_of(
    connection: Connection,
    dispute: Dispute,
    *,
    dialect: Dialect,
    provider: Provider,
    until: datetime,
) -> dict[int, LineEvidence]:
    """The evidence of every line, by its number.

    Args:
        connection: reads the database.
        dispute: of the provider.
        dialect: by which its signatures are checked.
        provider: with the secrets of today.
        until: later requests are left out.

    Raises:
        RowsAreAway: a round of a line left for an archive; says how it comes back.
    """
    rounds = sorted({line.round_id for line in dispute.lines})
    names = [round_named(dispute.provider, id_) for id_ in rounds]
    require_names(connection, dispute.provider, names, f"{dispute.dispute_id} names")
    breaks = _breaks(connection, dispute.lines)
    params = {**_rounds(dispute, breaks), "provider": dispute.provider, "until": until}
    records = _by_line(connection.execute(text(_RECORDS), params).mappings())
    booked = connection.execute(text(_OPERATIONS), {**params, "callbacks": _CALLBACKS})
    operations = _by_line(restored_operations(connection, booked.mappings().all()))
    keys = {
        line.line: _op_keys(breaks[line.break_id], operations[line.line], records[line.line])
        for line in dispute.lines
    }
    pairs = [(number, key) for number, op_keys in keys.items() for key in sorted(op_keys)]
    refused_params = {
        "lines": [number for number, _ in pairs],
        "op_keys": [key for _, key in pairs],
        "provider": dispute.provider,
        "until": until,
    }
    unbooked = connection.execute(text(_REFUSED), refused_params).mappings().all()
    refused = _by_line(restored_deliveries(connection, unbooked))
    read = _Reader(dialect, provider)
    return {
        line.line: read.evidence(
            [*operations[line.line], *refused[line.line]], records[line.line]
        )
        for line in dispute.lines
    }


class _Reader:
    """Verifies stored requests again, by which it learns what was signed and by whom."""

    def __init__(self, dialect: Dialect, provider: Provider) -> None:
        self._dialect = dialect
        self._provider = provider
        self._shown = {_CONTENT_TYPE, *dialect.signature_headers(provider)}

    def evidence(
        self, rows: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]
    ) -> LineEvidence:
        ordered = sorted(rows, key=lambda row: row["received_at"])
        verified = [self._verified(row) for row in ordered]
        handles = [
            *(row["handle"] for row in records),
            *(handle for proof in verified if proof and (handle := self._handle(proof))),
        ]
        return LineEvidence(
            player=handles[0] if handles else None,
            records=tuple(dict.fromkeys(row["record_id"] for row in records)),
            requests=tuple(
                self._request(row, proof)
                for row, proof in zip(
                    ordered[:REQUESTS_MAX], verified[:REQUESTS_MAX], strict=True
                )
            ),
            left_out=max(0, len(ordered) - REQUESTS_MAX),
        )

    def _request(self, row: Mapping[str, Any], proof: Verified | None) -> SignedRequest:
        return SignedRequest(
            operation=row["op_key"] or "",
            kind=row.get("kind"),
            outcome=row["outcome"],
            amount=row.get("amount"),
            currency=row.get("currency"),
            received_at=row["received_at"],
            route=row["route"],
            headers={
                name: value
                for name, value in _headers(row["headers"]).items()
                if name in self._shown
            },
            body=bytes(row["body"]),
            reply_status=row["reply_status"],
            reply=bytes(row["reply"]),
            signed=proof.signed if proof else None,
            signature=proof.signature if proof else None,
        )

    def _verified(self, row: Mapping[str, Any]) -> Verified | None:
        headers = _headers(row["headers"])
        callback = Callback(route=row["route"], headers=headers, body=bytes(row["body"]))
        try:
            return self._dialect.verify(callback, self._provider)
        except NotAuthentic:  # a secret that is no longer configured
            return None

    def _handle(self, proof: Verified) -> str | None:
        try:
            handle = getattr(self._dialect.parse(proof, self._provider), "handle", None)
        except Malformed:
            return None
        return handle if isinstance(handle, str) else None


def _breaks(
    connection: Connection, lines: Iterable[DisputeLine]
) -> dict[str, Mapping[str, Any]]:
    rows = connection.execute(text(_BREAKS), {"ids": [line.break_id for line in lines]})
    return {row["break_id"]: dict(row) for row in rows.mappings()}


def _rounds(dispute: Dispute, breaks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The rounds of every line by either side's name, as arrays of one length."""
    # What is about the round of every player, such as a changed record, names no player.
    rows = [
        (line.line, name, breaks[line.break_id]["player"] or None)
        for line in dispute.lines
        for name in dict.fromkeys([line.round_id, line.alias])
        if name
    ]
    return {
        "lines": [number for number, _, _ in rows],
        "keys": [match_key(dispute.provider, name) for _, name, _ in rows],
        "rounds": [name for _, name, _ in rows],
        "players": [player for _, _, player in rows],
    }


def _op_keys(
    break_: Mapping[str, Any],
    operations: Sequence[Mapping[str, Any]],
    records: Sequence[Mapping[str, Any]],
) -> set[str]:
    """The keys under which requests about a round may have been refused."""
    return {
        *(str(row["op_key"]) for row in operations),
        *(str(row["record_id"]) for row in records),
        *(str(key) for key in break_["evidence"].get("operations", ())),
    }


def _by_line(rows: Iterable[Any]) -> dict[int, list[Mapping[str, Any]]]:
    lines: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        lines[row["line"]].append(dict(row))
    return lines


def _headers(lines: str) -> dict[str, str]:
    """The stored headers, by name in lower case."""
    pairs = (line.partition(": ") for line in lines.split("\n") if line)
    return {name: value for name, _, value in pairs}
