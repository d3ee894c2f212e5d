"""Corrections that the product proposes cure their break and open none, for every dialect."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.detection.stored import reconcile_stored, run_command, store
from tests.harness.detection.corrected import correct
from tests.harness.detection.expected import Expected
from tests.harness.detection.fault_kinds import POSSIBLE, Fault, FaultKind
from tests.harness.detection.month import Play, System
from tests.harness.detection.seed import Case, case_of, world_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
#: Faults of which a correction follows, each of another round.
CORRECTABLE = (
    FaultKind.STAKE,
    FaultKind.PAYOUT,
    FaultKind.LOST,
    FaultKind.DROPPED,
    FaultKind.UNDO_UNREPORTED,
    FaultKind.TAKEN_BACK,
)
#: The sources that speak against some of these corrections, as only the history is wrong.
AGAINST = {System.NAMED: {"round_end", "balance_chain"}, System.XIGS: {"webhook_log"}}
EVERY_SOURCE = ("round_end", "balance_chain", "webhook_log", "history", "wallet", "bet_detail")


class Books:
    """A stored day of one provider with faults, worked on by commands."""

    def __init__(self, url: str, system: System) -> None:
        self.url = url
        self.system = system
        self.overruled: set[str] = set()
        faults = [kind for kind in CORRECTABLE if system in POSSIBLE[kind]]
        plays = [_play(system, number, kind) for number, kind in enumerate(faults)]
        struck = [
            Fault(kind=kind, play=number, by=30, variant=2, other="player-0.1")
            for number, kind in enumerate(faults)
        ]
        self.case = Case([*plays, _play(system, len(plays), None)], struck)
        store(url, world_of([self.case]))

    def reconcile(self) -> list[Expected]:
        """Reconcile the month."""
        return list(reconcile_stored(self.url, self.system))

    def run(self, *words: str, code: int = 0) -> str:
        """The output of a command, with what a refusal says."""
        done = run_command(self.url, *words)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    def open_breaks(self) -> list[dict[str, Any]]:
        """The breaks that are not closed."""
        listed: list[dict[str, Any]] = json.loads(self.run("breaks", "list", "--json"))
        return listed


def _play(system: System, number: int, kind: FaultKind | None) -> Play:
    only_wins = system is System.SPORTSBOOK and kind in {FaultKind.PAYOUT, FaultKind.LOST}
    part = (500 + number, 0) if system is System.SPORTSBOOK else (500 + number, 300)
    return Play(
        seed=0,
        number=number,
        system=system,
        player="player-0.0",
        currency="USD",
        parts=((0, 300) if only_wins else part,),
        began=NOON + number * timedelta(hours=1),
        lasts=timedelta(milliseconds=300),
        ahead=timedelta(milliseconds=-200),
        undone=kind is FaultKind.UNDO_UNREPORTED,
    )


@pytest.fixture(params=[System.NAMED, System.XIGS, System.SPORTSBOOK, System.AGENT])
def books(database: str, request: pytest.FixtureRequest) -> Books:
    return Books(database, request.param)


def test_corrections_of_every_dialect_cure_their_breaks_and_open_none_on_their_rounds(
    books: Books,
) -> None:
    found = books.reconcile()
    assert len(found) == len(books.case.faults)
    for break_ in books.open_breaks():
        name = break_["id"]
        _propose(books, name)
        (proposed,) = json.loads(
            books.run("breaks", "list", "--round", break_["round_key"], "--json")
        )
        assert [closed["id"] for closed in proposed["trial"]["closes"]] == [name]
        assert proposed["trial"]["opens"] == []
        books.run("breaks", "approve", name, "--by", "jonas")

    after = books.reconcile()

    assert after == []
    assert books.open_breaks() == []
    assert books.overruled == AGAINST.get(books.system, set())


def _propose(books: Books, name: str) -> None:
    """Propose the correction, and overrule the sources that a refusal names."""
    words = ("breaks", "propose", name, "--by", "maria", "--reason", "as they report it")
    done = run_command(books.url, *words)
    if done.exit_code == 0:
        return
    named = [source for source in EVERY_SOURCE if f"{source}: " in done.output]
    assert done.exit_code == 1, done.output
    assert named, done.output
    books.overruled.update(named)
    books.run(*words, *(word for source in named for word in ("--overrule", source)))


def test_every_correction_that_months_are_offered_cures_its_break_and_opens_none() -> None:
    result = correct(world_of([case_of(seed) for seed in (0, 1)]))

    assert result.approved.total() > 30
    assert result.wrong == []


def test_with_every_contradiction_overruled_all_corrections_of_a_month_cure_their_breaks() -> (
    None
):
    result = correct(world_of([case_of(2)]), overruling=True)

    assert result.approved + result.overruled == result.proposed
    assert result.overruled.total() > 3
    assert result.wrong == []
