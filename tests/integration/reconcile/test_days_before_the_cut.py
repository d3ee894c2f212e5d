"""Days whose rows left for an archive keep what was signed, and what comes later counts."""

from typing import Any

import psycopg
import pytest

from ops import cli
from tests.integration.reconcile.conftest import AGG, DAY, Office
from vocabulary.ids import match_key

NEXT_DAY = "2026-03-02"
WINDOW = ("--provider", "agg", "--from", DAY, "--to", NEXT_DAY)
#: The break of r-3 is open, so its rows stay.
_LET_GO = (
    "INSERT INTO archived_row_months (month, at) VALUES ('2026-03-01', '2026-04-01 00:00+00')",
    f"""
INSERT INTO archived_keys
VALUES ({match_key("agg", "r-1")}, ARRAY[{match_key("agg", "r-1")}], ARRAY[20513]::smallint[])
""",
    "DELETE FROM rounds WHERE round_id IN ('r-1', 'r-2')",
)
#: A win of r-3 that arrives long after.
_LATE = (
    """
INSERT INTO batches (batch_id, operations, committed_at, posted_at)
OVERRIDING SYSTEM VALUE VALUES (899, 1, '2026-03-01', '2026-03-01'), (900, 1, now(), now())
""",
    """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
                        currency, stake, payout, amount, balance_after, round_id, match_key,
                        ends_round, fingerprint, route, headers, body, reply_status, reply,
                        received_at)
SELECT wallet_id, v.seq, v.batch, 'agg', v.key, 'win', 'accepted', 'USD', 0, v.payout, v.payout,
       v.after, round_id, match_key, false, '', '', '', '', 200, '', coalesce(v.at, first_at)
  FROM rounds CROSS JOIN (VALUES (1, 899, 'early', 50, 50, NULL::timestamptz),
                                 (2, 900, 'late', 70, 120, now()))
                      AS v (seq, batch, key, payout, after, at)
 WHERE round_id = 'r-3'
""",
    "UPDATE wallets SET seq = 2 WHERE player = 'alice'",
)
_LATE_LEAVES = "DELETE FROM operations WHERE op_key = 'late'"
_LATE_IS_BACK = "UPDATE batches SET posted_at = '2026-03-01' WHERE batch_id = 900"


def change(office: Office, *statements: str) -> None:
    """Run statements with the guards switched off."""
    with psycopg.connect(office.database) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount > 0, statement


def figures(day: Any) -> Any:
    return {name: day["figures"][name] for name in ("ours", "theirs", "difference")}


@pytest.fixture
def signed(office: Office) -> Any:
    """The day as it was signed; rows of it left since."""
    office.sign()
    day = office.day()
    change(office, *_LET_GO)
    return day


def test_a_signed_day_keeps_its_figures_when_its_rows_leave(
    office: Office, signed: Any
) -> None:
    now = office.day()

    assert (now["state"], now["changed_since"]) == ("signed", False)
    assert figures(now) == figures(signed)


def test_what_comes_later_for_a_round_of_the_day_changes_it(
    office: Office, signed: Any
) -> None:
    change(office, *_LATE)
    late = office.day()

    assert late["state"] == "changed since"
    assert [line["ours"] for line in late["since_sign_off"]] == ["-0.70"]
    rounds = [day["figures"]["ours"]["USD"]["rounds"] for day in (signed, late)]
    assert rounds == [3, 3]


def test_what_merely_came_back_changes_no_signed_day(office: Office, signed: Any) -> None:
    """Rows of before the sign-off are among the signed figures."""
    change(office, *_LATE, _LATE_IS_BACK)

    now = office.day()

    assert (now["state"], now["since_sign_off"]) == ("signed", [])
    assert figures(now) == figures(signed)


def test_a_changed_day_is_signed_again_with_what_came_since(
    office: Office, signed: Any
) -> None:
    assert signed["state"] == "signed"
    change(office, *_LATE)
    late = office.day()
    reason = ("--reason", "a late win")
    office.run("day", "reopen", *AGG, *reason, by="maria")

    assert office.day()["state"] == "closed"
    assert "no run compares it again" in office.run(
        "day", "close", *AGG, *reason, by="maria", code=1
    )
    assert "--reason is expected" in office.run("day", "prepare", *AGG, by="maria", code=1)
    office.run("day", "prepare", *AGG, *reason, by="maria")
    office.run("day", "sign", *AGG, by="jonas")
    change(office, _LATE_LEAVES)
    again = office.day()

    assert (again["state"], again["changed_since"]) == ("signed", False)
    assert figures(again) == figures(late)


@pytest.mark.parametrize(
    "words",
    [
        ("reconcile", *WINDOW),
        ("totals", *WINDOW),
        ("report", *WINDOW, "--out", "."),
    ],
)
def test_a_window_before_the_cut_is_not_compared_again(
    office: Office, signed: Any, words: tuple[str, ...]
) -> None:
    assert signed["state"] == "signed"
    refused = office.run(*words, code=cli.USAGE)
    assert "left the database for archives. Begin at 2026-04-01T00:00:00Z or later" in refused


def test_a_record_of_a_round_that_left_is_no_break(office: Office, signed: Any) -> None:
    assert signed["state"] == "signed"
    began = "'2026-04-01 00:00:05+00'"
    change(office, f"UPDATE feed_records SET created_at = {began} WHERE round_id = 'r-1'")
    window = ("--provider", "agg", "--from", "2026-04-01", "--to", "2026-04-02")
    for words in (("reconcile", *window), ("totals", *window)):
        refused = office.run(*words, code=cli.USAGE)
        assert "`tieout archive recall --provider agg --round r-1`" in refused
    wanted = "SELECT kind, provider, name, wanted_by FROM recalls"
    assert office.rows(wanted) == [("round", "agg", "r-1", "run")]
