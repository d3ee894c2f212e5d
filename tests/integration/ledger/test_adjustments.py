"""Corrections under four eyes: proposed, decided by another person, booked once, audited."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.accepting.carry import carry_out
from ledger.accepting.own_operations import InRound
from ledger.checks.run import verify
from ledger.corrections.adjustments import (
    AdjustmentRefused,
    approve,
    approve_on,
    complete,
    every,
    get,
    order_of,
    pending,
    propose,
    propose_on,
    reject,
)
from ledger.posting.posting import drain
from ledger.queries.balances import balance_of
from storage.audit import trail
from storage.engine import open_engine, url_of
from tests.harness.books.ledger import (
    LENIENT,
    NOON,
    SLUG,
    accept,
    bet,
    eur,
    open_wallets,
    round_end,
)
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    open_wallets(database, ("ann", 1000))
    found = open_engine(database)
    yield found
    found.dispose()


def proposed(engine: Engine, minor: int = 250, **more: Any) -> str:
    return propose(
        engine,
        player="ann",
        currency="EUR",
        amount=eur(minor),
        reason="a win never came",
        by="maria",
        now=NOON,
        **more,
    )


def balance(engine: Engine) -> int:
    found = balance_of(engine, player="ann", currency="EUR")
    assert found is not None
    return found.balance


def accounts(engine: Engine) -> dict[tuple[str, str], int]:
    drain(url_of(engine))
    assert [(x.name, x.first) for x in verify(engine) if x.wrong] == []
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT account::text, provider, sum(amount) FROM entries"
                " WHERE account <> 'funding' GROUP BY 1, 2 HAVING sum(amount) <> 0"
            )
        )
        return {(row[0], row[1]): int(row[2]) for row in rows}


def test_what_another_person_approves_is_booked_against_the_adjustment_account(
    engine: Engine,
) -> None:
    proposal = proposed(engine, break_id="brk-1")
    waiting = pending(engine, break_id="brk-1")

    done = approve(engine, proposal, by="jonas", now=NOON)

    assert [x.id for x in waiting] == [proposal]
    assert (done.state, done.op_key, done.decided_by) == ("posted", proposal, "jonas")
    assert (balance(engine), pending(engine)) == (1250, [])
    assert accounts(engine)["adjustment", "tieout"] == -250


def test_every_step_leaves_a_row_in_the_audit_trail(engine: Engine) -> None:
    booked, refused = proposed(engine), proposed(engine)
    approve(engine, booked, by="jonas", now=NOON, role="lead")
    reject(engine, refused, by="jonas", reason="paid already", now=NOON)

    with engine.connect() as connection:
        kept = [(x.actor, x.action, dict(x.detail)) for x in trail(connection, booked)]
        dropped = [(x.actor, x.action, dict(x.detail)) for x in trail(connection, refused)]

    told = {"player": "ann", "amount": "2.50", "currency": "EUR", "break_id": None}
    assert kept == [
        ("maria", "adjustment.proposed", {**told, "reason": "a win never came"}),
        ("jonas", "adjustment.approved", {"role": "lead"}),
        ("jonas", "adjustment.posted", {}),
    ]
    assert dropped[1:] == [("jonas", "adjustment.rejected", {"reason": "paid already"})]
    assert {x.id: x.state for x in every(engine)} == {booked: "posted", refused: "rejected"}


def test_nobody_decides_their_own_proposal(engine: Engine) -> None:
    proposal = proposed(engine)

    with pytest.raises(AdjustmentRefused, match="another person decides"):
        approve(engine, proposal, by="maria", now=NOON)
    with pytest.raises(AdjustmentRefused, match="another person decides"):
        reject(engine, proposal, by="maria", reason="no", now=NOON)

    assert (get(engine, proposal).state, balance(engine)) == ("proposed", 1000)


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        (
            "state = 'approved', decided_by = 'maria', decided_at = now()",
            "adjustments_four_eyes",
        ),
        ("state = 'posted', op_key = id", "adjustments_states"),
        ("amount = amount * 10", "adjustments_states"),
        ("player = 'bob', state = 'rejected', decided_by = 'j', decided_at = now()",
         "adjustments_states"),
    ],
)  # fmt: skip
def test_the_database_refuses_steps_that_are_not_allowed(
    engine: Engine, change: str, guard: str
) -> None:
    proposed(engine)

    with pytest.raises(IntegrityError) as refused, engine.begin() as connection:
        connection.execute(text(f"UPDATE adjustments SET {change}"))

    assert isinstance(refused.value.orig, errors.IntegrityError)
    assert refused.value.orig.diag.constraint_name == guard


def test_a_role_approves_up_to_its_limit_either_way(engine: Engine) -> None:
    limits = {"clerk": 100}
    small, large, owed = (proposed(engine, minor) for minor in (100, 101, -101))

    assert approve(engine, small, by="j", now=NOON, role="clerk", limits=limits).op_key
    for beyond in (large, owed):
        with pytest.raises(AdjustmentRefused, match=r"clerk may approve at most 1\.00 EUR"):
            approve(engine, beyond, by="j", now=NOON, role="clerk", limits=limits)
    with pytest.raises(AdjustmentRefused, match="guest may approve at most 0"):
        approve(engine, large, by="j", now=NOON, role="guest", limits=limits)


def test_what_died_between_approval_and_booking_is_completed_and_moves_once(
    engine: Engine,
) -> None:
    before, between = proposed(engine), proposed(engine)
    for proposal in (before, between):
        with engine.begin() as connection:
            approve_on(connection, proposal, by="jonas", now=NOON)
    booked = carry_out(url_of(engine), order_of(get(engine, between)), now=NOON)
    assert (booked.verdict, balance(engine)) == (Verdict.ACCEPTED, 1250)

    for _ in range(2):
        for proposal in (before, between):
            assert approve(engine, proposal, by="jonas", now=NOON).state == "posted"
            assert complete(engine, proposal, now=NOON).state == "posted"

    assert balance(engine) == 1500


def test_a_decision_is_final(engine: Engine) -> None:
    booked, dropped = proposed(engine), proposed(engine)
    approve(engine, booked, by="jonas", now=NOON)
    reject(engine, dropped, by="jonas", reason="no", now=NOON)

    with pytest.raises(AdjustmentRefused, match="is posted already"):
        reject(engine, booked, by="jonas", reason="no", now=NOON)
    with pytest.raises(AdjustmentRefused, match="is rejected already"):
        approve(engine, dropped, by="jonas", now=NOON)
    with pytest.raises(AdjustmentRefused, match="is rejected, not approved"):
        complete(engine, dropped, now=NOON)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"player": "zoe"}, "zoe has no wallet in EUR"),
        ({"amount": Money(5, "USD")}, "an amount in EUR is expected"),
        ({"amount": eur(0)}, "other than zero"),
        ({"reason": " "}, "a reason and the name"),
        ({"by": ""}, "a reason and the name"),
    ],
)
def test_an_empty_proposal_is_refused(
    engine: Engine, change: dict[str, Any], reason: str
) -> None:
    asked = {"player": "ann", "currency": "EUR", "amount": eur(5), "reason": "r", "by": "m"}

    with pytest.raises(AdjustmentRefused, match=reason):
        propose(engine, now=NOON, **{**asked, **change})

    assert every(engine) == []


def test_an_unknown_proposal_is_named(engine: Engine) -> None:
    with pytest.raises(AdjustmentRefused, match="no adjustment is called adj-0"):
        approve(engine, "adj-0", by="jonas", now=NOON)


def test_a_proposal_stands_or_falls_with_its_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        propose_on(
            connection,
            player="ann",
            currency="EUR",
            amount=eur(5),
            reason="r",
            by="m",
            now=NOON,
        )
        connection.rollback()

    assert every(engine) == []


def test_a_missing_win_is_paid_within_its_round_and_lowers_its_ggr(engine: Engine) -> None:
    accept(url_of(engine), bet("b1", 300), round_end("e1", of="b1", staked=300, paid=250))
    proposal = proposed(engine, within=InRound(provider=SLUG, round_id="r1", side="payout"))

    approve(engine, proposal, by="jonas", now=NOON)

    assert balance(engine) == 950
    assert accounts(engine) == {("player_wallet", "tieout"): 1000, ("player_wallet", SLUG): -50,
                                ("ggr", SLUG): 50}  # fmt: skip


def test_a_stake_given_back_within_an_open_round_settles_it(engine: Engine) -> None:
    accept(url_of(engine), bet("b1", 300))
    within = InRound(provider=SLUG, round_id="r1", side="stake")
    proposal = proposed(engine, 100, within=within)

    approve(engine, proposal, by="jonas", now=NOON)

    assert accounts(engine)["ggr", SLUG] == 200
    with engine.connect() as connection:
        row = connection.execute(text("SELECT stake, payout, status::text FROM rounds"))
        assert row.one() == (200, 0, "settled")


def test_the_handle_of_an_adjusted_player_is_ours_not_the_providers(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO players VALUES ('bob')"))
        connection.execute(text("INSERT INTO handles VALUES ('lottery', 'ann', 'bob')"))
    within = InRound(provider=SLUG, round_id="r7", side="payout")

    approve(engine, proposed(engine, within=within), by="jonas", now=NOON)

    assert balance(engine) == 1250


def test_an_adjustment_may_leave_the_player_owing_and_may_name_a_fund(engine: Engine) -> None:
    approve(engine, proposed(engine, -1600), by="jonas", now=NOON)
    approve(engine, proposed(engine, 1, fund=Fund.DIFFERENCE), by="jonas", now=NOON)

    assert balance(engine) == -599
    assert accounts(engine) == {
        ("player_receivable", "tieout"): -599,
        ("adjustment", "tieout"): 1600,
        ("difference", "tieout"): -1,
    }


def test_a_debt_is_paid_off_by_what_comes_in(engine: Engine) -> None:
    approve(engine, proposed(engine, -1600), by="jonas", now=NOON)
    accept(url_of(engine), bet("b1", 1), policy=LENIENT)
    approve(engine, proposed(engine, 900), by="jonas", now=NOON)

    told = accounts(engine)

    assert balance(engine) == 300
    assert told["player_wallet", "tieout"] == 300
    assert ("player_receivable", "tieout") not in told
