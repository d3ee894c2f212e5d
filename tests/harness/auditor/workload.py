"""A seeded day of mischief: facts of several providers, repeated, changed, undone, late.

A day is a list of steps. Everything a step does to its surroundings (which receiver hears it,
where a batch ends, whether the connection is cut) stands in the step itself, so that a day
with steps left out is still a day, and what remains happens in the same way.

Every name starts with the seed: days of different seeds can share a database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from random import Random

from ledger.accepting.own_operations import OwnOperation
from ledger.players.importer import PlayerRow
from providers.contract import Policy
from providers.registry import DIALECTS
from tests.harness.auditor.books import OURS, Rules
from tests.harness.auditor.stories import NIGHT, Told, aside, changed, shared, story
from vocabulary.facts import Fact, Operation
from vocabulary.money import Money

PLAYERS = ("ann", "bob", "cleo")
CURRENCIES = ("EUR", "JPY")
OPENING = 900
#: Stories of one day; about six facts each.
STORIES = 14
RECEIVERS = 3
#: How far a fact may travel from its place, in facts.
DRIFT = 12

#: What each provider wants, said a second time in the auditor's words. The dialects' own
#: policies, with both answers to "is a win without its bet paid" where that is a setting.
RULES: Mapping[str, Rules] = {
    "agent_platform": Rules(
        pays_orphans=True, lets_rollbacks_be_rolled_back=False, one_round_each=True
    ),
    "agent_platform_rounds": Rules(
        pays_orphans=True, lets_rollbacks_be_rolled_back=False, one_round_each=False
    ),
    "aggregator": Rules(
        pays_orphans=False, lets_rollbacks_be_rolled_back=False, one_round_each=False
    ),
    "aggregator_paying": Rules(
        pays_orphans=True, lets_rollbacks_be_rolled_back=False, one_round_each=False
    ),
    "sportsbook": Rules(
        pays_orphans=True, lets_rollbacks_be_rolled_back=True, one_round_each=True
    ),
    "xigs": Rules(
        pays_orphans=False, lets_rollbacks_be_rolled_back=False, one_round_each=False
    ),
}
_SETTINGS: Mapping[str, tuple[str, dict[str, str]]] = {
    "agent_platform": ("agent_platform", {"rounds": "per_transaction"}),
    "agent_platform_rounds": ("agent_platform", {"rounds": "round_id"}),
    "aggregator": ("aggregator", {"orphan_win": "refuse"}),
    "aggregator_paying": ("aggregator", {"orphan_win": "credit"}),
    "sportsbook": ("sportsbook", {}),
    "xigs": ("xigs", {"orphan_win": "refuse"}),
}


class Cut(Enum):
    """When the connection of a batch is cut."""

    BEFORE = "before the commit"
    AFTER = "after the commit"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that reaches the ledger; None is a request nobody understands."""

    slug: str
    what: Fact | OwnOperation | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is said, and how.

    Attributes:
        number: its place in the whole day, also when others are left out.
        receiver: which one hears it.
        ends_batch: the batch it is in ends with it.
        cut: the connection of its batch is cut then.
        post: batches to post right after its batch.
        restarts: its receiver starts anew before it.
    """

    number: int
    said: Said
    receiver: int
    ends_batch: bool
    cut: Cut | None
    post: int
    restarts: bool


def policies() -> Mapping[str, Policy]:
    """The policy of every slug, from the dialects themselves."""
    dialects = DIALECTS
    told = {}
    for slug, (name, chosen) in _SETTINGS.items():
        defaults = {key: option.default for key, option in dialects[name].options.items()}
        told[slug] = dialects[name].policy({**defaults, **chosen})
    return told


def handle_of(slug: str, player: str) -> str:
    """What a provider calls a player: the sportsbook has names of its own."""
    return f"{player}@book" if slug == "sportsbook" else player


def names_of(seed: int) -> dict[tuple[str, str], str]:
    """The player for each (slug, handle)."""
    return {
        (slug, handle_of(slug, player)): player for slug in RULES for player in _players(seed)
    }


def opening_rows(seed: int) -> list[PlayerRow]:
    """Every player with a wallet in each currency."""
    return [
        PlayerRow(
            line=2,
            player=player,
            opening=Money(OPENING, currency),
            handles={"sportsbook": handle_of("sportsbook", player)},
        )
        for player in _players(seed)
        for currency in CURRENCIES
    ]


def day(seed: int) -> list[Step]:
    """The steps of one seed's day, in the order of their arrival."""
    random = Random(seed)
    told = [one for number in range(STORIES) for one in _story(random, seed, number)]
    noisy = [one for each in told for one in _noise(random, seed, each)]
    places = [
        at + random.randrange(DRIFT) * (random.random() < 0.3) for at in range(len(noisy))
    ]
    order = sorted(range(len(noisy)), key=lambda at: (places[at], at))
    return [_step(random, number, noisy[at]) for number, at in enumerate(order)]


def batches(steps: Sequence[Step]) -> list[list[Step]]:
    """Consecutive steps that one receiver hears at once."""
    told: list[list[Step]] = []
    for step in steps:
        fresh = not told or told[-1][-1].ends_batch or step.restarts
        if fresh or told[-1][-1].receiver != step.receiver:
            told.append([])
        told[-1].append(step)
    return told


def _players(seed: int) -> list[str]:
    return [f"{seed}.{player}" for player in PLAYERS]


def _story(random: Random, seed: int, number: int) -> list[Told]:
    slug = random.choice(list(RULES))
    player = random.choice((*_players(seed) * 6, f"{seed}.nobody"))
    currency = random.choice((*["EUR"] * 9, *["JPY"] * 3, "BTC"))
    name = f"{seed}.{number}"
    told = story(random, name, handle_of(slug, player), currency)
    if random.random() < 0.25:
        table = [
            (handle_of(slug, other), random.choice(CURRENCIES)) for other in _players(seed)
        ]
        told += shared(random, name, random.sample(table, random.choice((1, 2, 3))))
    said: list[Told] = [(slug, fact) for fact in told if random.random() < 0.9]
    if random.random() < 0.5:
        asked = random.choice((slug, *RULES))
        other = random.choice(_players(seed))
        told_in = random.choice(CURRENCIES)
        said.append(aside(random, name, other, asked, handle_of(asked, other), told_in))
    return said


def _noise(random: Random, seed: int, told: Told) -> list[Told]:
    """The thing itself, sometimes again, sometimes again with something changed."""
    luck, (slug, what) = random.random(), told
    if luck < 0.75:
        return [told]
    if luck < 0.9 or not isinstance(what, Operation):
        return [told] * random.choice((2, 2, 3))
    other = handle_of(slug, random.choice(_players(seed)))
    return [told, (slug, changed(random, what, other)), told]


def _step(random: Random, number: int, told: Told) -> Step:
    skew = timedelta(milliseconds=random.choice((0, 0, 0, -40_000, 3_600_000)))
    slug, what = told
    if isinstance(what, Operation) and slug != OURS:
        # The provider's clock: absent, or whatever it says, also on a repeat.
        away = timedelta(days=random.choice((-400, 0, 400)))
        what = replace(what, occurred_at=random.choice((None, NIGHT + away)))
    luck = random.random()
    return Step(
        number=number,
        said=Said(slug, what, NIGHT + timedelta(seconds=number - 40) + skew),
        receiver=random.randrange(RECEIVERS),
        ends_batch=random.random() < 0.4,
        cut=Cut.BEFORE if luck < 0.01 else Cut.AFTER if luck < 0.03 else None,
        post=random.choice((*[0] * 10, 1, 3)),
        restarts=random.random() < 0.015,
    )
