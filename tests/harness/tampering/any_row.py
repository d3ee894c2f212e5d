"""Changes to any row of the books, as hypothesis draws them: each a list of statements."""

from hypothesis import strategies as st

#: Columns that hold an amount, a count, an id or an instant, and texts and flags, by table.
NUMBERS = {
    "operations": "wallet_id wallet_seq batch_id stake payout amount balance_after match_key"
    " declared_stake declared_payout",
    "entries": "wallet_id wallet_seq leg match_key amount",
    "rounds": "wallet_id match_key stake payout swept bets wins rollbacks declared_stake"
    " declared_payout",
    "wallets": "wallet_id seq balance turnover",
    "batches": "batch_id operations",
}
VALUES = {
    "operations": {
        "kind": "bet win bet_and_win rollback round_end tombstone deposit block unblock",
        "decision": "accepted declined",
        "currency": "USD EUR XXX",
        "provider": "aggregator sportsbook xigs elsewhere tieout",
        "fund": "cash bonus promo suspense",
        "ends_round": "true false",
        "round_id": "x y",
        "declared_stake": "0 5",
        "received_at": "2026-01-01 infinity",
    },
    "entries": {
        "account": "player_wallet provider_clearing ggr funding player_receivable bonus",
        "currency": "USD EUR",
        "provider": "aggregator sportsbook elsewhere",
        "leg": "1 2 5 6 16 -7",
    },
    "rounds": {
        "ended": "true false",
        "currency": "USD EUR",
        "provider": "aggregator sportsbook elsewhere",
        "round_id": "x y",
        "declared_payout": "0 5",
        "last_at": "2026-01-01 infinity",
        "first_at": "2026-01-01",
    },
    "wallets": {"blocked": "true false", "currency": "USD EUR"},
    "batches": {
        "posted_at": "2026-01-01",
        "parked_at": "2026-01-01",
        "entries_at": "2026-01-01",
    },
}


def row_of(table: str, place: int) -> str:
    """A condition for one row of a table, by its place modulo their number."""
    return (
        f"ctid = (SELECT ctid FROM {table} ORDER BY ctid"
        f" OFFSET {place} % (SELECT count(*) FROM {table}) LIMIT 1)"
    )


places = st.integers(0, 100_000)
deltas = st.sampled_from([1, -1, 7, -100, 2**31, 2**61])


@st.composite
def numbers_changed(draw: st.DrawFn) -> list[str]:
    """A number of one row changed, or moved from one row to another."""
    table = draw(st.sampled_from(sorted(NUMBERS)))
    column, delta = draw(st.sampled_from(NUMBERS[table].split())), draw(deltas)
    changes = [(draw(places), delta)]
    if draw(st.booleans()):
        changes.append((draw(places), -delta))
    return [
        f"UPDATE {table} SET {column} = {column} + {by} WHERE {row_of(table, place)}"
        for place, by in changes
    ]


@st.composite
def values_set(draw: st.DrawFn) -> list[str]:
    """A value of one row set, which may have been the same."""
    table = draw(st.sampled_from(sorted(VALUES)))
    column = draw(st.sampled_from(sorted(VALUES[table])))
    value = draw(st.sampled_from(VALUES[table][column].split()))
    return [f"UPDATE {table} SET {column} = '{value}' WHERE {row_of(table, draw(places))}"]


@st.composite
def rows_removed(draw: st.DrawFn) -> list[str]:
    table = draw(st.sampled_from(sorted(NUMBERS)))
    return [f"DELETE FROM {table} WHERE {row_of(table, draw(places))}"]


@st.composite
def entries_copied(draw: st.DrawFn) -> list[str]:
    """An entry once more, on another leg."""
    leg = draw(st.sampled_from([1, 2, 5, 6, 9, 11, 30_000]))
    columns = f"wallet_id, wallet_seq, {leg}, account, provider, match_key, currency, amount"
    entry = row_of("entries", draw(places))
    return [f"INSERT INTO entries SELECT {columns} FROM entries WHERE {entry}"]


@st.composite
def batches_not_posted(draw: st.DrawFn) -> list[str]:
    """A batch that lost its mark of having been posted."""
    return [f"UPDATE batches SET posted_at = NULL WHERE {row_of('batches', draw(places))}"]


corruptions = st.one_of(
    numbers_changed(), values_set(), rows_removed(), entries_copied(), batches_not_posted()
)
