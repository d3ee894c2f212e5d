"""Look up our side: rounds, requests, batches, adjustments, seals."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from reports.find.away import away_rounds
from reports.find.hits import Hit, SearchScope
from reports.find.lookup import (
    at,
    fetch,
    match_keys,
    rows_of_amount,
    rows_of_listed_amount,
    slugs,
)
from reports.find.query import By, Candidate, FoundKind
from vocabulary.plurals import counted

_ROUND = """
SELECT r.provider, r.round_id, w.player, r.currency, r.stake, r.payout, r.bets, r.wins,
       r.rollbacks, r.status::text AS status, r.first_at, r.last_at,
       ARRAY(SELECT b.break_id FROM breaks b
              WHERE b.match_key = r.match_key AND b.provider = r.provider
                AND b.round_id = r.round_id AND b.cleared_at IS NULL
              ORDER BY b.break_id LIMIT 5) AS breaks
  FROM {rows} r JOIN wallets w USING (wallet_id)
 {where} ORDER BY {order} LIMIT :limit
"""
_ROUND_BY_ID = _ROUND.format(
    rows="rounds",
    where="WHERE r.match_key = ANY(CAST(:match_keys AS bigint[])) AND r.round_id = :text",
    order="r.provider, r.round_id, w.player",
)
_ROUND_BY_AMOUNT = _ROUND.format(
    rows="{rows}",
    where="WHERE r.first_at >= :start AND r.first_at < :end AND r.provider = :slug"
    " AND r.currency = :currency"
    " AND (r.stake = :minor OR r.payout = :minor OR abs(r.payout - r.stake) = :minor)",
    order="r.first_at",  # the order of the index, so that it reads no more than it shows
)
_REQUEST = """
SELECT d.delivery_id, d.provider, d.route, d.op_key, d.verdict, d.reply_status, d.received_at,
       d.batch_id, d.parked_at
  FROM deliveries d
 {where} ORDER BY d.delivery_id LIMIT :limit
"""
_REQUEST_BY_NUMBER = _REQUEST.format(where="WHERE d.delivery_id = :number")
_REQUEST_BY_KEY = _REQUEST.format(
    where="WHERE d.provider = ANY(CAST(:slugs AS text[])) AND d.op_key = :text"
)
_BATCH = """
SELECT b.batch_id, b.committed_at, b.operations, b.posted_at, b.parked_at,
       ARRAY(SELECT transaction_name(o.wallet_id, o.wallet_seq) FROM operations o
              WHERE o.batch_id = b.batch_id
              ORDER BY o.wallet_id, o.wallet_seq LIMIT 3) AS first_transactions
  FROM batches b WHERE b.batch_id = :number
"""
_ADJUSTMENT = """
SELECT id, player, currency, amount, reason, break_id, provider, round_id, side, state,
       proposed_by, proposed_at, decided_by, op_key
  FROM adjustments
 {where} ORDER BY id LIMIT :limit
"""
_ADJUSTMENT_BY_ID = _ADJUSTMENT.format(where="WHERE id >= :text AND id < :beyond")
_ADJUSTMENT_BY_AMOUNT = _ADJUSTMENT.format(
    where="WHERE proposed_at >= d.start_at AND proposed_at < d.end_at"
    " AND currency = :currency AND abs(amount) = d.minor AND coalesce(provider, :own) = d.slug"
)
_SEAL = """
SELECT day, hash, batches, operations, entries, sealed_at FROM seals
 {where} ORDER BY day LIMIT :limit
"""
_SEAL_BY_DAY = _SEAL.format(where="WHERE day = CAST(:text AS date)")
_SEAL_BY_HASH = _SEAL.format(where="WHERE hash >= :text AND hash < :beyond")


def rounds(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Our rounds by the provider's round id."""
    parameters = {
        "match_keys": match_keys(scope, candidate.text),
        "text": candidate.text,
        "limit": scope.limit,
    }
    rows = fetch(connection, _ROUND_BY_ID, parameters)
    here = [_round(row, scope, exact=True) for row in rows]
    return [*here, *away_rounds(connection, candidate.text, scope)]


def rounds_of_amount(
    connection: Connection, candidate: Candidate, scope: SearchScope
) -> list[Hit]:
    """Our rounds of a day with this stake, payout or difference of both."""
    rows = rows_of_listed_amount(connection, "ours", _ROUND_BY_AMOUNT, candidate, scope)
    return [_round(row, scope, exact=False) for row in rows]


def _round(row: Mapping[str, Any], scope: SearchScope, *, exact: bool) -> Hit:
    stake, payout = (
        scope.money(row[name], row["currency"], row["provider"]) for name in ("stake", "payout")
    )
    breaks = row["breaks"]
    wallet = f"--player {row['player']} --currency {row['currency']}"
    return Hit(
        kind=FoundKind.ROUND,
        id=row["round_id"],
        provider=row["provider"],
        summary=f"round of {row['player']} at {row['provider']}: stake {stake}, payout"
        f" {payout}, {row['status'].replace('_', ' ')}",
        facts={
            "player": row["player"],
            "operations": f"{counted(row['bets'], 'bet')}, {counted(row['wins'], 'win')},"
            f" {counted(row['rollbacks'], 'rollback')}",
            "time": f"{at(row['first_at'])} to {at(row['last_at'])}",
            "breaks": ", ".join(breaks) or "none that a run still finds",
        },
        next=(
            *(f"tieout breaks show {break_id}" for break_id in breaks),
            f"tieout ledger statement {wallet}",
        ),
        exact=exact,
    )


def requests(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Requests that became no operation, by our number or by the provider's id."""
    if candidate.by is By.NUMBER:
        rows = fetch(
            connection,
            _REQUEST_BY_NUMBER,
            {"number": int(candidate.text), "limit": scope.limit},
        )
    else:
        parameters = {
            "slugs": slugs(scope, own=True),
            "text": candidate.text,
            "limit": scope.limit,
        }
        rows = fetch(connection, _REQUEST_BY_KEY, parameters)
    return [_request(row) for row in rows]


def _request(row: Mapping[str, Any]) -> Hit:
    number, key = row["delivery_id"], row["op_key"]
    parked = f'tieout queue parked --subject "delivery {number}"'
    return Hit(
        kind=FoundKind.REQUEST,
        id=str(number),
        provider=row["provider"],
        summary=f"request {number} of {row['provider']}: {row['verdict'].replace('_', ' ')},"
        f" answered {row['reply_status']}; it became no operation",
        facts={
            "their id": key or "none",
            "received": f"{at(row['received_at'])} on /{row['route']}",
            "batch": str(row["batch_id"]),
            **({"parked": at(row["parked_at"]) or ""} if row["parked_at"] else {}),
        },
        next=(
            *((parked,) if row["parked_at"] else ()),
            f"tieout find {key}" if key else f"tieout find batch {row['batch_id']}",
        ),
    )


def batches(connection: Connection, candidate: Candidate, _scope: SearchScope) -> list[Hit]:
    """A batch by its number."""
    rows = fetch(connection, _BATCH, {"number": int(candidate.text)})
    return [_batch(row) for row in rows]


def _batch(row: Mapping[str, Any]) -> Hit:
    number, first = row["batch_id"], row["first_transactions"]
    if row["parked_at"]:
        posting = f"parked {at(row['parked_at'])}"
    else:
        posting = at(row["posted_at"]) or "not yet"
    parked = f'tieout queue parked --subject "batch {number}"'
    return Hit(
        kind=FoundKind.BATCH,
        id=str(number),
        provider=None,
        summary=f"batch {number}: {counted(row['operations'], 'operation')}, posted {posting}",
        facts={
            "committed": at(row["committed_at"]) or "",
            "first transactions": ", ".join(first) or "none: it holds requests only",
        },
        next=(
            *((parked,) if row["parked_at"] else ()),
            *(f"tieout find {transaction}" for transaction in first),
        ),
    )


def adjustments(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Corrections by their id, or its prefix."""
    parameters = {"text": candidate.text, "beyond": candidate.end, "limit": scope.limit}
    return [
        _adjustment(row, scope, exact=row["id"] == candidate.text)
        for row in fetch(connection, _ADJUSTMENT_BY_ID, parameters)
    ]


def adjustments_of_amount(
    connection: Connection, candidate: Candidate, scope: SearchScope
) -> list[Hit]:
    """Corrections of an amount that were proposed on a day, either way."""
    rows = rows_of_amount(connection, _ADJUSTMENT_BY_AMOUNT, candidate, scope, own=True)
    return [_adjustment(row, scope, exact=False) for row in rows]


def _adjustment(row: Mapping[str, Any], scope: SearchScope, *, exact: bool) -> Hit:
    amount = scope.money(row["amount"], row["currency"], row["provider"])
    break_id, waits = row["break_id"], row["state"] == "proposed"
    if break_id:
        following = [f"tieout breaks show {break_id}"]
    elif waits:
        following = [f"tieout ledger adjust approve {row['id']}"]
    else:
        following = [f"tieout find {row['op_key']}"] if row["op_key"] else []
    round_ = f"{row['side']} of round {row['round_id']} at {row['provider']}"
    return Hit(
        kind=FoundKind.ADJUSTMENT,
        id=row["id"],
        provider=row["provider"],
        summary=f"correction of {amount} to {row['player']}, {row['state']}: {row['reason']}",
        facts={
            "proposed": f"by {row['proposed_by']} at {at(row['proposed_at'])}",
            "decided": f"by {row['decided_by']}" if row["decided_by"] else "not yet",
            "of": round_ if row["round_id"] else "no round",
            "break": break_id or "none",
        },
        next=tuple(following),
        exact=exact,
    )


def seals(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Sealed days, by the day or by the seal or its prefix."""
    parameters = {"text": candidate.text, "limit": scope.limit}
    if candidate.by is By.DAY:
        rows = fetch(connection, _SEAL_BY_DAY, parameters)
    else:
        rows = fetch(connection, _SEAL_BY_HASH, {**parameters, "beyond": candidate.end})
    is_day = candidate.by is By.DAY
    return [_seal(row, exact=is_day or row["hash"] == candidate.text) for row in rows]


def _seal(row: Mapping[str, Any], *, exact: bool) -> Hit:
    return Hit(
        kind=FoundKind.SEAL,
        id=row["hash"],
        provider=None,
        summary=f"seal of the ledger day {row['day']}",
        facts={
            "day": str(row["day"]),
            "sealed": at(row["sealed_at"]) or "",
            "holds": f"{counted(row['batches'], 'batch')},"
            f" {counted(row['operations'], 'operation')}, {counted(row['entries'], 'entry')}",
        },
        next=(f"tieout ledger audit recheck --day {row['day']}",),
        exact=exact,
    )
