"""``tieout breaks``: filters, bulk actions, refusals, invalid options and settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ledger.corrections import adjustments
from ops.commands.breaks.group import app
from ops.commands.ledger import adjust
from ops.settings.loader import load
from storage.engine import open_engine
from tests.harness.books.differences.break_commands import BreakCommands
from tests.harness.books.differences.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import SLUG, eur, open_wallets
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Malformed, SettingsInvalid

#: What the settings have beyond those of every test of these commands.
POLICY = """
[breaks.roles]
jonas = "lead"
[breaks.limits.lead]
EUR = "1.50"
[[breaks.sla]]
impact = "player_owed"
within = "1h"
over = {EUR = "2.00"}
"""


@pytest.fixture
def cli(database: str, tmp_path: Path) -> Iterator[BreakCommands]:
    """Three breaks: the player is owed 1.00 and 2.50, we are owed 0.70."""
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    books.ours("small", 100, 0)
    books.ours("large", 250, 0)
    books.theirs("bet", 70, 0)
    books.run()
    yield BreakCommands(books, tmp_path, more=POLICY)
    engine.dispose()


def test_filters_can_be_combined(cli: BreakCommands) -> None:
    run = cli.json("list")[0]["run_id"]
    chosen = {
        (): ["bet", "large", "small"],
        ("--impact", "player_owed"): ["large", "small"],
        ("--kind", "missing_in_ledger"): ["bet"],
        ("--currency", "EUR", "--min-amount", "1.00"): ["large", "small"],
        ("--currency", "USD"): [],
        ("--provider", SLUG, "--run", run, "--older-than", "1h"): ["bet", "large", "small"],
        ("--state", "assigned"): [],
        ("--run", "run-other"): [],
        ("--older-than", "9000d"): [],
        ("--assignee", "maria"): [],
    }

    assert {words: cli.rounds(*words) for words in chosen} == chosen
    mistyped = cli.run("list", "--provider", "nobody", code=2)
    assert "no provider is called nobody; configured: lottery" in " ".join(mistyped.split())


def test_what_no_break_has_is_named(cli: BreakCommands) -> None:
    words = ("--currency", "EUX", "--player", "ann", "--assignee", "mara")
    result = CliRunner().invoke(app, ["list", *words], obj=cli.context)

    assert result.exit_code == 0
    assert result.stdout == "no breaks\n"
    assert result.stderr.splitlines() == [
        "no break, open or closed, has --currency EUX",
        "no break, open or closed, has --assignee mara",
    ]
    with pytest.raises(Malformed, match=r"--currency: a code .*, not 'eur': EUR\?"):
        CliRunner().invoke(
            app, ["list", "--currency", "eur"], obj=cli.context, catch_exceptions=False
        )


def test_bulk_counts_first_and_acts_on_all_or_none(cli: BreakCommands) -> None:
    owed = ("--impact", "player_owed", "--by", "erin")

    counted = cli.json("bulk", "assign", *owed, "--dry-run")
    wrong = cli.run("bulk", "assign", *owed, "--to", "maria", "--expect", "3", code=1)
    nobody = cli.rounds("--assignee", "maria")
    done = cli.json("bulk", "assign", *owed, "--to", "maria", "--expect", "2")
    money = cli.run("bulk", "close", "--by", "jonas", "--reason", "old", "--yes", code=1)
    (large,) = cli.json("list", "--round", "large")
    cli.run("write-off", large["id"], "--by", "maria", "--reason", "old")
    beyond = cli.run("approve", large["id"], "--by", "jonas", code=1)

    assert counted == {"breaks": 2}
    assert "the filter matches 2 breaks, not 3" in wrong
    assert nobody == []
    assert sorted(entry["round_key"] for entry in done) == ["large", "small"]
    assert "EUR, and closing books nothing: correct it" in money
    assert "jonas, lead: at most 1.50 EUR is allowed, this is 2.50" in beyond
    assert cli.rounds("--state", "closed") == []


def test_ageing_and_sla_list_open_breaks(cli: BreakCommands) -> None:
    aged = cli.json("ageing")
    due = cli.json("sla", code=1)

    assert [(entry["impact"], entry["breaks"], entry["amount"]) for entry in aged] == [
        ("operator_owed", 1, "0.70"),
        ("player_owed", 2, "3.50"),
    ]
    assert [(entry["difference"], entry["due"], entry["overdue"]) for entry in due] == [
        ("2.50", (EVENING + HOUR).isoformat(), True)
    ]


def test_show_prints_notes_state_and_trail(cli: BreakCommands, tmp_path: Path) -> None:
    name = cli.json("list", "--kind", "missing_in_ledger")[0]["id"]
    file = tmp_path / "mail.txt"
    file.write_bytes(b"abc")

    cli.run("comment", name, "--text", "they say it is a test", "--by", "erin")
    cli.run("attach", name, "--link", "https://desk.example.com/7", "--by", "erin")
    cli.run("attach", name, "--file", str(file), "--by", "erin")
    cli.run("explain", name, "--by", "jonas", "--reason", "a test round")
    history = cli.json("show", name)

    assert [(note["kind"], note["body"]) for note in history["notes"]] == [
        ("comment", "they say it is a test"),
        ("link", "https://desk.example.com/7"),
        ("file", "mail.txt"),
    ]
    assert history["notes"][2]["digest"].startswith("ba7816bf8f01cfea414140de5dae2223")
    assert history["state"] == "explained"
    assert history["trail"][-1]["detail"]["before"]["state"] == "open"
    assert "a test round" in cli.run("show", name)


def test_a_refused_action_exits_with_one_and_a_sentence(cli: BreakCommands) -> None:
    name = cli.json("list")[0]["id"]
    refused = {
        ("show", "brk-none"): "there is no break brk-none",
        ("approve", name, "--by", "jonas"): "cannot go from open to approved",
        ("assign", name, "--to", " ", "--by", "erin"): "the name of the assignee is expected",
        ("explain", name, "--by", "erin", "--reason", ""): "a reason is expected",
        ("evidence", name): "has no call about one bet",
    }

    for words, message in refused.items():
        assert message in cli.run(*words, code=1)
    assert len(cli.json("show", name)["trail"]) == 1


def test_ledger_adjust_keeps_limits_and_leaves_breaks_to_their_own_commands(
    cli: BreakCommands,
) -> None:
    name = cli.json("list", "--kind", "missing_in_ledger")[0]["id"]
    (proposal,) = cli.json("propose", name, "--by", "maria", "--reason", "their bet")
    options = ("--player", "ann", "--currency", "EUR", "--by", "maria", "--reason", "a gift")
    unrelated = cli.run("propose", *options, "--amount", "1.51", group=adjust.app).strip()

    for words, message in {
        (
            "propose",
            *options,
            "--amount",
            "1",
            "--break",
            name,
        ): f"tieout breaks propose {name}",
        ("approve", proposal, "--by", "jonas"): f"tieout breaks approve {name}",
        ("approve", unrelated, "--by", "jonas"): "lead may approve at most 1.50 EUR",
        ("approve", unrelated, "--by", "eve"): "nobody may approve at most 0.00 EUR",
    }.items():
        assert message in cli.run(*words, code=1, group=adjust.app)


def test_ledger_adjust_rejects_no_correction_that_a_break_waits_for(
    cli: BreakCommands,
) -> None:
    (entry,) = cli.json("list", "--kind", "missing_in_ledger")
    name, words = entry["id"], ("--by", "jonas", "--reason", "not so")
    stray = adjustments.propose(
        cli.books.engine,
        player="ann",
        currency="EUR",
        amount=eur(70),
        reason="before the break was found",
        by="maria",
        now=EVENING,
        break_id=name,
        exponents=ISO_ONLY,
    )

    cli.run("reject", stray, *words, group=adjust.app)
    (proposal,) = cli.json("propose", name, "--by", "maria", "--reason", "their bet")
    refused = cli.run("reject", proposal, *words, code=1, group=adjust.app)
    cli.run("reject", name, *words)

    states = {item.id: item.state for item in adjustments.all_adjustments(cli.books.engine)}
    assert f"it belongs to the break {name}; use tieout breaks reject {name}" in refused
    assert states == {stray: "rejected", proposal: "rejected"}
    assert cli.json("show", name)["state"] == "open"


def test_nobody_approves_a_break_of_which_nothing_is_proposed_any_more(
    cli: BreakCommands,
) -> None:
    (entry,) = cli.json("list", "--round", "small")
    name, by_hand = entry["id"], ("--amount", "1.00", "--overrule", "history")
    words = ("propose", name, "--by", "maria", "--reason", "paid by hand", *by_hand)
    (proposal,) = cli.json(*words)
    adjustments.reject(cli.books.engine, proposal, by="jonas", reason="no", now=EVENING)

    alone = cli.run("approve", name, "--by", "maria", code=1)
    waiting = cli.json("show", name)["state"]
    cli.run("reject", name, "--by", "jonas", "--reason", "no")

    assert f"no correction of {name} is proposed any more" in alone
    assert waiting == "adjustment_proposed"
    assert cli.json("show", name)["state"] == "open"


def test_invalid_options_are_named(cli: BreakCommands) -> None:
    wrong = {
        ("list", "--min-amount", "1.00"): "--min-amount: a --currency",
        ("list", "--older-than", "long"): "--older-than: a duration",
        (
            "attach",
            "brk-1",
            "--by",
            "erin",
            "--file",
            "/nonexistent",
        ): "--file: a readable file",
        ("attach", "brk-1", "--by", "erin"): "exactly one of",
        ("bulk", "close", "--by", "erin"): "--dry-run, --expect COUNT or --yes",
        ("propose", "brk-1", "--by", "e", "--reason", "r", "--side", "stake"): "--side: stake",
    }

    for words, message in wrong.items():
        with pytest.raises(Malformed, match=message):
            CliRunner().invoke(app, words, obj=cli.context, catch_exceptions=False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[breaks.limits.lead]\nEUR = "1.001"', "breaks.limits.lead.EUR: expected at most 2"),
        ('[breaks.roles]\neve = "boss"', "breaks.limits.boss: expected a limit"),
        ('[[breaks.sla]]\nimpact = "rich"\nwithin = "1h"', "impact: expected"),
        ('[[breaks.sla]]\nimpact = "none"\nwithin = "soon"', "within: expected a duration"),
        ('[breaks]\nask = ["everything"]', "ask[0]: expected"),
    ],
)
def test_invalid_settings_are_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "tieout.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsInvalid) as caught:
        load(path, {})

    assert problem in str(caught.value)


def test_a_proposal_shows_what_its_trial_found_when_made_listed_and_shown(
    cli: BreakCommands,
) -> None:
    (entry,) = cli.json("list", "--kind", "missing_in_ledger")
    name = entry["id"]

    proposed = cli.run("propose", name, "--by", "maria", "--reason", "their bet")
    lines = cli.run("list", "--state", "adjustment_proposed")
    (listed,) = cli.json("list", "--state", "adjustment_proposed")
    shown = cli.run("show", name)
    history = cli.json("show", name)

    for output in (proposed, shown):
        assert f"closes {name} missing_in_ledger of round bet, -0.70 EUR" in output
        assert "posts player_wallet -0.70, ggr 0.70 EUR" in output
        assert "balance of ann: 6.50 → 5.80 EUR" in output
        assert max(map(len, output.splitlines())) <= 80
    assert "closes 1, opens 0" in lines
    assert entry["trial"] is None
    assert listed["trial"] == history["trial"]
    assert [closed["id"] for closed in listed["trial"]["closes"]] == [name]


def test_a_source_that_there_is_not_and_one_that_says_nothing_else_are_not_overruled(
    cli: BreakCommands,
) -> None:
    name = cli.json("list", "--kind", "missing_in_ledger")[0]["id"]
    words = ("propose", name, "--by", "maria", "--reason", "their bet", "--overrule")

    assert "'gossip' is not one of" in cli.run(*words, "gossip", code=2)
    assert "round_end does not contradict" in cli.run(*words, "round_end", code=1)
    assert cli.json("list", "--state", "adjustment_proposed") == []
