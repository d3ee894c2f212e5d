"""``tieout breaks``: filters, counts before deeds, what is refused, and wrong settings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from ops.commands.breaks.group import app
from ops.commands.ledger import adjust
from ops.context import Context
from ops.settings.loader import load
from storage.engine import open_engine
from tests.harness.books.breaks import EVENING, HOUR, BreakBooks
from tests.harness.books.ledger import SLUG, open_wallets
from vocabulary.errors import Malformed, SettingsInvalid

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[breaks.roles]
jonas = "lead"
[breaks.limits.lead]
EUR = "1.50"
[[breaks.sla]]
impact = "player_owed"
within = "1h"
over = {{EUR = "2.00"}}
[[providers]]
slug = "lottery"
dialect = "sportsbook"
currency = "EUR"
secrets = ["literal:secret"]
"""


class Desk:
    """The commands of the group, in this process, against books that differ."""

    def __init__(self, books: BreakBooks, folder: Path) -> None:
        self.books = books
        path = folder / "tieout.toml"
        path.write_text(SETTINGS.format(database=books.url), encoding="utf-8")
        self.context = Context(config=path, data_dir=folder, settings=load(path, {}))

    def run(self, *words: str, code: int = 0, group: Typer = app) -> str:
        """What a command prints; both streams where it refuses."""
        done = CliRunner().invoke(group, words, obj=self.context)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output if code else done.stdout

    def json(self, *words: str, code: int = 0) -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*words, "--json", code=code))

    def listed(self, *words: str) -> list[str]:
        """The rounds of the breaks that filters choose."""
        return sorted(one["round_key"] for one in self.json("list", *words))


@pytest.fixture
def desk(database: str, tmp_path: Path) -> Iterator[Desk]:
    """Three breaks: the player is owed 1.00 and 2.50, we are owed 0.70."""
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    books.ours("small", 100, 0)
    books.ours("large", 250, 0)
    books.theirs("bet", 70, 0)
    books.run()
    yield Desk(books, tmp_path)
    engine.dispose()


def test_filters_choose_and_combine(desk: Desk) -> None:
    run = desk.json("list")[0]["run_id"]
    chosen = {
        (): ["bet", "large", "small"],
        ("--impact", "player_owed"): ["large", "small"],
        ("--kind", "missing_in_ledger"): ["bet"],
        ("--currency", "EUR", "--min-amount", "1.00"): ["large", "small"],
        ("--currency", "USD"): [],
        ("--provider", SLUG, "--run", run, "--older-than", "1h"): ["bet", "large", "small"],
        ("--provider", "nobody"): [],
        ("--state", "assigned"): [],
        ("--run", "run-other"): [],
        ("--older-than", "9000d"): [],
        ("--assignee", "maria"): [],
    }

    assert {words: desk.listed(*words) for words in chosen} == chosen


def test_bulk_counts_first_and_does_all_or_nothing(desk: Desk) -> None:
    owed = ("--impact", "player_owed", "--by", "erin")

    counted = desk.json("bulk", "assign", *owed, "--dry-run")
    wrong = desk.run("bulk", "assign", *owed, "--to", "maria", "--expect", "3", code=1)
    nobody = desk.listed("--assignee", "maria")
    done = desk.json("bulk", "assign", *owed, "--to", "maria", "--expect", "2")
    beyond = desk.run("bulk", "close", "--by", "jonas", "--reason", "old", "--yes", code=1)

    assert counted == {"breaks": 2}
    assert "the filter matches 2 breaks, not 3" in wrong
    assert nobody == []
    assert sorted(one["round_key"] for one in done) == ["large", "small"]
    assert "jonas, lead: at most 1.50 EUR is allowed, this is 2.50" in beyond
    assert desk.listed("--state", "closed") == []


def test_ageing_and_sla_tell_what_waits(desk: Desk) -> None:
    aged = desk.json("ageing")
    due = desk.json("sla", code=1)

    assert [(one["impact"], one["breaks"], one["amount"]) for one in aged] == [
        ("operator_owed", 1, "0.70"),
        ("player_owed", 2, "3.50"),
    ]
    assert [(one["difference"], one["due"], one["overdue"]) for one in due] == [
        ("2.50", (EVENING + HOUR).isoformat(), True)
    ]


def test_notes_and_a_closed_break_are_told_whole(desk: Desk, tmp_path: Path) -> None:
    name = desk.json("list", "--kind", "missing_in_ledger")[0]["id"]
    file = tmp_path / "mail.txt"
    file.write_bytes(b"abc")

    desk.run("comment", name, "--text", "they say it is a test", "--by", "erin")
    desk.run("attach", name, "--link", "https://desk.example.com/7", "--by", "erin")
    desk.run("attach", name, "--file", str(file), "--by", "erin")
    desk.run("close", name, "--by", "jonas", "--reason", "a test round")
    told = desk.json("show", name)

    assert [(note["kind"], note["body"]) for note in told["notes"]] == [
        ("comment", "they say it is a test"),
        ("link", "https://desk.example.com/7"),
        ("file", "mail.txt"),
    ]
    assert told["notes"][2]["digest"].startswith("ba7816bf8f01cfea414140de5dae2223")
    assert told["state"] == "closed"
    assert told["trail"][-1]["detail"]["before"]["state"] == "open"
    assert "a test round" in desk.run("show", name)


def test_what_the_rules_refuse_exits_with_one_and_a_sentence(desk: Desk) -> None:
    name = desk.json("list")[0]["id"]
    refused = {
        ("show", "brk-none"): "there is no break brk-none",
        ("approve", name, "--by", "jonas"): "cannot go from open to approved",
        ("assign", name, "--to", " ", "--by", "erin"): "the name of the assignee is expected",
        ("explain", name, "--by", "erin", "--reason", ""): "a reason is expected",
        ("evidence", name): "has no call about one bet",
    }

    for words, said in refused.items():
        assert said in desk.run(*words, code=1)
    assert len(desk.json("show", name)["trail"]) == 1


def test_the_ledgers_own_command_keeps_limits_and_leaves_breaks_to_theirs(desk: Desk) -> None:
    name = desk.json("list", "--kind", "missing_in_ledger")[0]["id"]
    (proposal,) = desk.json("propose", name, "--by", "maria", "--reason", "their bet")
    who = ("--player", "ann", "--currency", "EUR", "--by", "maria", "--reason", "a gift")
    free = desk.run("propose", *who, "--amount", "1.51", group=adjust.app).strip()

    for words, said in {
        ("propose", *who, "--amount", "1", "--break", name): f"tieout breaks propose {name}",
        ("approve", proposal, "--by", "jonas"): f"tieout breaks approve {name}",
        ("approve", free, "--by", "jonas"): "lead may approve at most 1.50 EUR",
        ("approve", free, "--by", "eve"): "nobody may approve at most 0.00 EUR",
    }.items():
        assert said in desk.run(*words, code=1, group=adjust.app)


def test_options_that_make_no_sense_are_named(desk: Desk) -> None:
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

    for words, said in wrong.items():
        with pytest.raises(Malformed, match=said):
            CliRunner().invoke(app, words, obj=desk.context, catch_exceptions=False)


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
def test_settings_that_do_not_hold_are_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "tieout.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsInvalid) as caught:
        load(path, {})

    assert problem in str(caught.value)
