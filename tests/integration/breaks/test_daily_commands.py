"""Work on breaks day by day: filters, short ids, groups, and one break with all its sources."""

import pytest
from sqlalchemy import text

from ops.commands.ledger import adjust
from tests.harness.books.differences.break_commands import BreakCommands
from vocabulary.errors import Malformed


def test_filters_by_round_player_day_game_and_several_states(daily: BreakCommands) -> None:
    name = daily.json("list", "--round", "r2")[0]["id"]
    daily.run("wait", name, "--by", "erin", "--reason", "ticket 7")
    chosen = {
        ("--round", "r1"): ["r1"],
        ("--round", "nothing"): [],
        ("--player", "stranger"): ["foreign"],
        ("--player", "ann", "--kind", "missing_in_ledger"): ["lost"],
        ("--game", "plinko"): ["r1"],
        ("--day", "2026-06-04"): ["foreign", "lost", "r1", "r2", "r3"],
        ("--day", "2026-06-05"): [],
        ("--state", "waiting"): ["r2"],
        ("--state", "open,waiting", "--player", "ann"): ["lost", "r1", "r2", "r3"],
    }

    assert {words: daily.rounds(*words) for words in chosen} == chosen


def test_the_day_of_a_filter_is_the_providers(daily: BreakCommands) -> None:
    with daily.books.engine.begin() as connection:
        connection.execute(
            text("UPDATE breaks SET began_at = '2026-06-04 22:30Z' WHERE round_id = 'r1'")
        )

    assert daily.rounds("--day", "2026-06-05") == ["r1"]


def test_an_unknown_state_is_named(daily: BreakCommands) -> None:
    with pytest.raises(Malformed, match="--state: states of open, assigned"):
        daily.run("list", "--state", "open,shut")


def test_the_list_fits_80_columns_and_ends_with_a_total(daily: BreakCommands) -> None:
    lines = daily.run("list").splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) == 2 * 5 + 2
    assert lines[-2] == "total: 5 breaks: 5 open"
    assert lines[-1] == (
        "  lottery EUR: we owe players 3.20, players owe us 0.90, invoice -2.30"
    )
    (line,) = (line for line in lines if "+2.50 EUR" in line)
    assert "  open · payout mismatch · we owe the player · round r1" in lines
    assert line.split() == [*(line[:12], "2026-06-04", "lottery", "ann", "+2.50", "EUR")]


def test_every_standing_is_counted_apart(daily: BreakCommands) -> None:
    names = {entry["round_key"]: entry["id"] for entry in daily.json("list")}
    reason = ("--by", "erin", "--reason", "because")
    daily.run("explain", names["r1"], *reason)
    daily.run("wait", names["r2"], *reason)
    daily.run("write-off", names["r3"], *reason)
    daily.run("approve", names["r3"], "--by", "jonas")

    (total,) = (line for line in daily.run("list").splitlines() if "total" in line)
    aged = daily.json("ageing")

    assert total == (
        "total: 5 breaks: 2 open, 1 explained, 1 waiting for provider, 1 written off"
    )
    assert sum(bucket["open"] for bucket in aged) == 2
    assert sum(bucket["waiting_for_provider"] for bucket in aged) == 1
    assert sum(bucket["written_off"] for bucket in aged) == 1
    assert {entry["standing"] for entry in daily.json("sla", code=1)} == {
        "open",
        "waiting_for_provider",
    }


def test_the_start_of_an_id_is_enough_and_an_ambiguous_one_lists_the_candidates(
    daily: BreakCommands,
) -> None:
    entry = daily.json("list", "--round", "r1")[0]
    name, run_id = entry["id"], entry["run_id"]
    with daily.books.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO breaks (break_id, run_id, provider, kind, impact, player,"
                " currency, round_id, match_key, difference, explanation, first_seen,"
                " last_seen)"
                " SELECT left(break_id, 14) || 'twin', run_id, provider, kind, impact, player,"
                " currency, 'twin', 1, difference, explanation, first_seen, last_seen"
                " FROM breaks WHERE break_id = :name"
            ),
            {"name": name},
        )

    assert daily.json("show", name[:18])["id"] == name
    assert daily.json("show", name.removeprefix("brk-")[:14])["id"] == name
    assert len(daily.json("list", "--run", run_id[:9])) == 6
    with pytest.raises(Malformed, match=f"several begin so: .*{name}") as ambiguous:
        daily.run("explain", name[:10], "--by", "erin", "--reason", "a test")
    assert f"{name[:14]}twin" in str(ambiguous.value)
    assert "there is no break brk-0000ff" in daily.run("show", "brk-0000ff", code=1)


def test_a_proposal_is_approved_by_the_start_of_its_id(daily: BreakCommands) -> None:
    options = ("--player", "ann", "--currency", "EUR", "--by", "maria", "--reason", "a gift")
    name = daily.run("propose", *options, "--amount", "1", group=adjust.app).strip()

    daily.run("approve", name[:12], "--by", "jonas", group=adjust.app)

    assert daily.books.balance() == 10_000 - 300 + 100


def test_breaks_of_one_cause_are_one_line_and_are_worked_on_as_one(
    daily: BreakCommands,
) -> None:
    groups = {group["cause"]: group for group in daily.json("groups")}
    payouts = groups["player"]
    about = ("--group", payouts["id"][:10], "--by", "erin", "--reason", "their outage")

    counted = daily.json("explain", *about, "--dry-run")
    wrong = daily.run("explain", *about, "--expect", "2", code=1)
    untouched = daily.rounds("--state", "explained")
    done = daily.json("explain", *about, "--expect", "3")

    assert set(groups) == {"unknown_player", "player", "alone"}
    assert (payouts["breaks"], payouts["sums"][0]["difference"]) == (3, "3.20")
    assert groups["unknown_player"]["sentence"].startswith("lottery names players whom we do")
    assert counted == {"breaks": 3}
    assert "the group has 3 breaks, not 2" in wrong
    assert untouched == []
    assert sorted(entry["round_key"] for entry in done) == ["r1", "r2", "r3"]


def test_the_count_and_the_cause_of_a_group_are_shown_before_it_is_changed(
    daily: BreakCommands,
) -> None:
    groups = {group["cause"]: group for group in daily.json("groups")}
    name = groups["player"]["id"]
    printed = daily.run("groups").splitlines()

    assert max(map(len, printed)) <= 80
    assert printed[0] == f"{name[:12]}      3 breaks  +3.20 EUR"
    assert printed[-2] == "total: 5 breaks: 5 open"
    for words, message in {
        ("explain", "--by", "e", "--reason", "r"): "BREAK: a break's id, or a --group",
        ("explain", "--group", name, "--by", "e", "--reason", "r"): "--dry-run, --expect",
    }.items():
        with pytest.raises(Malformed, match=message):
            daily.run(*words)
    gone = daily.run("wait", "--group", "grp-00", "--yes", "--by", "e", "--reason", "r", code=1)
    assert "there is no group grp-00: tieout breaks groups lists them" in gone


def test_show_puts_both_sides_side_by_side_with_every_source_and_the_next_command(
    daily: BreakCommands,
) -> None:
    name = daily.json("list", "--round", "r1")[0]["id"]

    lines = daily.run("show", name[:14]).splitlines()
    printed = "\n".join(lines)

    assert max(len(line) for line in lines if "approved" not in line) <= 80
    (payout,) = (line.split() for line in lines if line.startswith("payout"))
    assert payout == ["payout", "0.00", "≠", "2.50"]
    assert (
        "Player: we owe the player 2.50 EUR. Provider: the provider's GGR is lower" in printed
    )
    assert "callback txn-1-" in printed
    assert "bet r1-b: -1.00 EUR to ann, accepted" in printed
    assert "history r1, 2026-06-04T12:00:00+00:00" in printed
    assert f"→ tieout breaks propose {name} --reason WHY" in lines
    assert "received, " not in printed


def test_show_prints_the_bytes_on_demand(daily: BreakCommands) -> None:
    name = daily.json("list", "--round", "r1")[0]["id"]

    printed = daily.run("show", name, "--bytes")
    document = daily.json("show", name, "--bytes")

    assert "received, " in printed
    assert "Bet(key='r1-b'" in printed
    (callback,) = (s for s in document["sources"] if s["source"] == "callback")
    assert callback["received"].startswith("Bet(key='r1-b'")
    assert callback["answered"].startswith('{"verdict"')
    assert document["next"][0] == f"tieout breaks propose {name} --reason WHY"


def test_json_says_what_a_break_does_on_both_axes(daily: BreakCommands) -> None:
    entry = daily.json("list", "--round", "r1")[0]

    assert (entry["impact"], entry["difference"]) == ("player_owed", "2.50")
    assert (entry["invoice_impact"], entry["invoice_difference"]) == ("invoice_lower", "-2.50")
    assert (entry["standing"], entry["game"]) == ("open", "plinko")


def test_a_write_off_is_proposed_and_approved_by_two_people(daily: BreakCommands) -> None:
    name = daily.json("list", "--round", "r2")[0]["id"]
    reason = ("--by", "maria", "--reason", "too small")
    (proposal,) = daily.json("write-off", name, *reason)

    own = daily.run("approve", name, "--by", "maria", code=1)
    daily.run("approve", name, "--by", "jonas")
    shown = daily.json("show", name)

    assert proposal.startswith("wof-")
    assert "another person decides" in own
    assert shown["state"] == "written_off"
    assert [w["state"] for w in shown["write_offs"]] == ["booked"]
    assert shown["next"] == [f"tieout breaks reopen {name} --reason WHY"]
