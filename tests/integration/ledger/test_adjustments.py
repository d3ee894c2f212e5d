"""Corrections by two people: proposed, decided by another person, booked once, audited."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.accepting.acceptor import accept_own_operation
from ledger.accepting.own_operations import InRound
from ledger.checks.run import verify
from ledger.corrections.adjustments import (
    AdjustmentRefused,
    all_adjustments,
    approve,
    approve_on,
    book_approved,
    get_adjustment,
    own_operation_of,
    pending_adjustments,
    propose,
    propose_on,
    reject,
)
from ledger.posting.posting import post_all_at
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
from vocabulary.currencies import ISO_ONLY
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    open_wallets(database, ("ann", 1000))
    opened = open_engine(database)
    yield opened
    opened.dispose()


def proposed(engine: Engine, minor: int = 250, **more: Any) -> str:
    return propose(
        engine,
        player="ann",
        currency="EUR",
        amount=eur(minor),
        reason="a win never came",
        by="maria",
        now=NOON,
        exponents=ISO_ONLY,
        **more,
    )


def balance(engine: Engine) -> int:
    wallet = balance_of(engine, player="ann", currency="EUR")
    assert wallet is not None
    return wallet.balance


def accounts(engine: Engine) -> dict[tuple[str, str], int]:
    post_all_at(url_of(engine))
    assert [(x.name, x.first) for x in verify(engine) if x.wrong] == []
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT account::text, provider, sum(amount) FROM entries"
                " WHERE account <> 'funding' GROUP BY 1, 2 HAVING sum(amount) <> 0"
            )
        )
        return {(row[0], row[1]): int(row[2]) for row in rows}


def test_a_proposal_approved_by_another_person_is_booked_against_the_adjustment_account(
    engine: Engine,
) -> None:
    proposal = proposed(engine, break_id="brk-1")
    waiting = pending_adjustments(engine, break_id="brk-1")

    approved = approve(engine, proposal, by="jonas", now=NOON, exponents=ISO_ONLY)

    assert [x.id for x in waiting] == [proposal]
    assert (approved.state, approved.op_key, approved.decided_by) == (
        "posted",
        proposal,
        "jonas",
    )
    assert (balance(engine), pending_adjustments(engine)) == (1250, [])
    assert accounts(engine)["adjustment", "tieout"] == -250


def test_every_step_leaves_a_row_in_the_audit_trail(engine: Engine) -> None:
    booked, refused = proposed(engine), proposed(engine)
    approve(engine, booked, by="jonas", now=NOON, role="lead", exponents=ISO_ONLY)
    reject(engine, refused, by="jonas", reason="paid already", now=NOON)

    with engine.connect() as connection:
        approved = [(x.actor, x.action, dict(x.detail)) for x in trail(connection, booked)]
        rejected = [(x.actor, x.action, dict(x.detail)) for x in trail(connection, refused)]

    detail = {"player": "ann", "amount": "2.50", "currency": "EUR", "break_id": None}
    assert approved == [
        ("maria", "adjustment.proposed", {**detail, "reason": "a win never came"}),
        ("jonas", "adjustment.approved", {"role": "lead"}),
        ("jonas", "adjustment.posted", {}),
    ]
    assert rejected[1:] == [("jonas", "adjustment.rejected", {"reason": "paid already"})]
    assert {x.id: x.state for x in all_adjustments(engine)} == {
        booked: "posted",
        refused: "rejected",
    }


def test_the_proposer_cannot_decide_a_proposal(engine: Engine) -> None:
    proposal = proposed(engine)

    with pytest.raises(AdjustmentRefused, match="another person decides"):
        approve(engine, proposal, by="maria", now=NOON, exponents=ISO_ONLY)
    with pytest.raises(AdjustmentRefused, match="another person decides"):
        reject(engine, proposal, by="maria", reason="no", now=NOON)

    assert (get_adjustment(engine, proposal).state, balance(engine)) == ("proposed", 1000)


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
    small, large, negative = (proposed(engine, minor) for minor in (100, 101, -101))

    assert approve(
        engine, small, by="j", now=NOON, role="clerk", limits=limits, exponents=ISO_ONLY
    ).op_key
    for proposal in (large, negative):
        with pytest.raises(AdjustmentRefused, match=r"clerk may approve at most 1\.00 EUR"):
            approve(
                engine,
                proposal,
                by="j",
                now=NOON,
                role="clerk",
                limits=limits,
                exponents=ISO_ONLY,
            )
    with pytest.raises(AdjustmentRefused, match="guest may approve at most 0"):
        approve(
            engine, large, by="j", now=NOON, role="guest", limits=limits, exponents=ISO_ONLY
        )


def test_an_interrupted_approval_is_completed_and_moves_once(
    engine: Engine,
) -> None:
    unbooked, unmarked = proposed(engine), proposed(engine)
    for proposal in (unbooked, unmarked):
        with engine.begin() as connection:
            approve_on(connection, proposal, by="jonas", now=NOON, exponents=ISO_ONLY)
    booked = accept_own_operation(
        url_of(engine), own_operation_of(get_adjustment(engine, unmarked)), now=NOON
    )
    assert (booked.verdict, balance(engine)) == (Verdict.ACCEPTED, 1250)

    for _ in range(2):
        for proposal in (unbooked, unmarked):
            assert (
                approve(engine, proposal, by="jonas", now=NOON, exponents=ISO_ONLY).state
                == "posted"
            )
            assert book_approved(engine, proposal, now=NOON).state == "posted"

    assert balance(engine) == 1500


def test_a_decision_is_final(engine: Engine) -> None:
    booked, dropped = proposed(engine), proposed(engine)
    approve(engine, booked, by="jonas", now=NOON, exponents=ISO_ONLY)
    reject(engine, dropped, by="jonas", reason="no", now=NOON)

    with pytest.raises(AdjustmentRefused, match="is posted already"):
        reject(engine, booked, by="jonas", reason="no", now=NOON)
    with pytest.raises(AdjustmentRefused, match="is rejected already"):
        approve(engine, dropped, by="jonas", now=NOON, exponents=ISO_ONLY)
    with pytest.raises(AdjustmentRefused, match="is rejected, not approved"):
        book_approved(engine, dropped, now=NOON)


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
    proposal = {"player": "ann", "currency": "EUR", "amount": eur(5), "reason": "r", "by": "m"}

    with pytest.raises(AdjustmentRefused, match=reason):
        propose(engine, now=NOON, exponents=ISO_ONLY, **{**proposal, **change})

    assert all_adjustments(engine) == []


def test_an_unknown_proposal_is_named(engine: Engine) -> None:
    with pytest.raises(AdjustmentRefused, match="no adjustment has the id adj-0"):
        approve(engine, "adj-0", by="jonas", now=NOON, exponents=ISO_ONLY)


def test_a_proposal_is_part_of_the_callers_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        propose_on(
            connection,
            player="ann",
            currency="EUR",
            amount=eur(5),
            reason="r",
            by="m",
            now=NOON,
            exponents=ISO_ONLY,
        )
        connection.rollback()

    assert all_adjustments(engine) == []


def test_a_missing_win_is_paid_in_its_round_and_lowers_its_ggr(engine: Engine) -> None:
    accept(url_of(engine), bet("b1", 300), round_end("e1", of="b1", staked=300, paid=250))
    proposal = proposed(engine, within=InRound(provider=SLUG, round_id="r1", side="payout"))

    approve(engine, proposal, by="jonas", now=NOON, exponents=ISO_ONLY)

    assert balance(engine) == 950
    assert accounts(engine) == {("player_wallet", "tieout"): 1000, ("player_wallet", SLUG): -50,
                                ("ggr", SLUG): 50}  # fmt: skip


def test_a_stake_returned_in_an_open_round_settles_it(engine: Engine) -> None:
    accept(url_of(engine), bet("b1", 300))
    within = InRound(provider=SLUG, round_id="r1", side="stake")
    proposal = proposed(engine, 100, within=within)

    approve(engine, proposal, by="jonas", now=NOON, exponents=ISO_ONLY)

    assert accounts(engine)["ggr", SLUG] == 200
    with engine.connect() as connection:
        row = connection.execute(text("SELECT stake, payout, status::text FROM rounds"))
        assert row.one() == (200, 0, "settled")


def test_an_adjustment_names_the_player_by_our_name_not_the_providers(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO players VALUES ('bob')"))
        connection.execute(text("INSERT INTO handles VALUES ('lottery', 'ann', 'bob')"))
    within = InRound(provider=SLUG, round_id="r7", side="payout")

    approve(engine, proposed(engine, within=within), by="jonas", now=NOON, exponents=ISO_ONLY)

    assert balance(engine) == 1250


def test_an_adjustment_may_leave_a_debt_and_may_use_a_fund(engine: Engine) -> None:
    approve(engine, proposed(engine, -1600), by="jonas", now=NOON, exponents=ISO_ONLY)
    approve(
        engine,
        proposed(engine, 1, fund=Fund.DIFFERENCE),
        by="jonas",
        now=NOON,
        exponents=ISO_ONLY,
    )

    assert balance(engine) == -599
    assert accounts(engine) == {
        ("player_receivable", "tieout"): -599,
        ("adjustment", "tieout"): 1600,
        ("difference", "tieout"): -1,
    }


def test_a_later_adjustment_pays_off_a_debt(engine: Engine) -> None:
    approve(engine, proposed(engine, -1600), by="jonas", now=NOON, exponents=ISO_ONLY)
    accept(url_of(engine), bet("b1", 1), policy=LENIENT)
    approve(engine, proposed(engine, 900), by="jonas", now=NOON, exponents=ISO_ONLY)

    totals = accounts(engine)

    assert balance(engine) == 300
    assert totals["player_wallet", "tieout"] == 300
    assert ("player_receivable", "tieout") not in totals
