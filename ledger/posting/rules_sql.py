"""The posting rules of ``ledger.posting.rules`` as SQL over the columns of ``operations o``."""

from ledger.posting.rules import ACCOUNT_OF_FUND, LEGS, Leg

#: The fields of ``Movement`` over the columns of ``operations o``.
_AMOUNTS_SQL = {
    "stake": "o.stake",
    "payout": "o.payout",
    "funding": "(o.amount - o.payout + o.stake)",
    "owed": "(least(o.balance_after, 0) - least(o.balance_after - o.amount, 0))",
}


def legs_sql() -> str:
    """The entries that ``LEGS`` give ``o``, as a query: ``leg``, ``account`` and ``amount``.

    A VALUES list would prepare all its expressions again for every operation, which takes four
    times as long.
    """
    return " UNION ALL ".join(
        f"SELECT {leg.number}::smallint AS leg, {_account_sql(leg)} AS account,"
        f" {_amount_sql(leg)} AS amount WHERE {_AMOUNTS_SQL[leg.amount]} <> 0"
        for leg in LEGS
    )


def leg_of_entry_sql() -> tuple[str, str]:
    """Account and amount that the rules give ``o`` on the leg of ``e``, as SQL; null: none."""
    accounts = " ".join(f"WHEN {leg.number} THEN {_account_sql(leg)}" for leg in LEGS)
    amounts = " ".join(f"WHEN {leg.number} THEN {_amount_sql(leg)}" for leg in LEGS)
    return f"CASE e.leg {accounts} END", f"CASE e.leg {amounts} END"


def legs_due_sql() -> str:
    """How many entries the rules give ``o``, as SQL."""
    return " + ".join(f"({_AMOUNTS_SQL[leg.amount]} <> 0)::int" for leg in LEGS)


def _amount_sql(leg: Leg) -> str:
    return f"{leg.sign} * {_AMOUNTS_SQL[leg.amount]}"


def _account_sql(leg: Leg) -> str:
    if leg.account is leg.account_ended is leg.account_adjusted and not leg.by_fund:
        return f"'{leg.account}'::account_kind"
    funds = " ".join(
        f"WHEN o.fund = '{fund}' THEN '{account}'" for fund, account in ACCOUNT_OF_FUND.items()
    )
    return (
        f"CASE WHEN o.fund <> 'cash' THEN CASE {funds} END"
        f" WHEN o.kind = 'adjustment' THEN '{leg.account_adjusted}'"
        f" WHEN o.ends_round THEN '{leg.account_ended}' ELSE '{leg.account}' END::account_kind"
    )
