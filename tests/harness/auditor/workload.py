"""A seeded day: facts of several providers, repeated, changed, rolled back and late.

A day is a list of steps. A step holds everything that happens with it: which receiver gets it,
whether a batch ends, whether the connection is cut. So a day without some of its steps is
still a day, and the remaining steps happen in the same way.

Every name starts with the seed, so days of different seeds can share a database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from random import Random

from msgspec.structs import replace

from ledger.accepting.own_operations import OwnOperation
from ledger.players.importer import PlayerRow
from providers.contract import LedgerPolicy
from providers.registry import DIALECTS
from tests.harness.auditor.books import OWN, ProviderRules
from tests.harness.auditor.stories import (
    NIGHT,
    SlugFact,
    changed_repeat,
    extra_fact,
    shared_story,
    story,
)
from vocabulary.facts import Fact, Operation
from vocabulary.money import Money

PLAYERS = ("ann", "bob", "cleo")
CURRENCIES = ("EUR", "JPY")
OPENING = 900
#: Stories per day; about six facts each.
STORIES = 14
RECEIVERS = 3
#: Largest delay of a fact, in facts.
SHIFT_MAX = 12

#: The rules of each provider in the auditor's terms, written independently of the dialects'
#: policies; with both values of the setting for wins without a bet.
RULES: Mapping[str, ProviderRules] = {
    "agent_platform": ProviderRules(
        pays_orphan_wins=True, accepts_rollback_of_rollback=False, round_per_operation=True
    ),
    "agent_platform_rounds": ProviderRules(
        pays_orphan_wins=True, accepts_rollback_of_rollback=False, round_per_operation=False
    ),
    "aggregator": ProviderRules(
        pays_orphan_wins=False, accepts_rollback_of_rollback=False, round_per_operation=False
    ),
    "aggregator_paying": ProviderRules(
        pays_orphan_wins=True, accepts_rollback_of_rollback=False, round_per_operation=False
    ),
    "sportsbook": ProviderRules(
        pays_orphan_wins=True, accepts_rollback_of_rollback=True, round_per_operation=True
    ),
    "xigs": ProviderRules(
        pays_orphan_wins=False, accepts_rollback_of_rollback=False, round_per_operation=False
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
    """When a batch's connection is cut."""

    BEFORE = "before the commit"
    AFTER = "after the commit"


@dataclass(frozen=True, slots=True)
class SentFact:
    """A fact sent to the ledger; None is a malformed request."""

    slug: str
    fact: Fact | OwnOperation | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStep:
    """One sent fact, and how it is sent.

    Attributes:
        number: its number in the whole day, also if other steps are left out.
        receiver: the receiver that gets it.
        ends_batch: its batch ends with it.
        cut: when the connection of its batch is cut.
        post: batches to post right after its batch.
        restarts: its receiver restarts before it.
    """

    number: int
    sent: SentFact
    receiver: int
    ends_batch: bool
    cut: Cut | None
    post: int
    restarts: bool


def policies() -> Mapping[str, LedgerPolicy]:
    """The policy of every slug, from the dialects themselves."""
    by_slug = {}
    for slug, (name, options) in _SETTINGS.items():
        dialect = DIALECTS[name]
        defaults = {key: option.default for key, option in dialect.options.items()}
        by_slug[slug] = dialect.policy({**defaults, **options})
    return by_slug


def handle_of(slug: str, player: str) -> str:
    """The player's handle at a provider; the sportsbook has handles of its own."""
    return f"{player}@book" if slug == "sportsbook" else player


def players_by_handle(seed: int) -> dict[tuple[str, str], str]:
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


def day(seed: int) -> list[DayStep]:
    """The steps of one seed's day, in the order of their arrival."""
    random = Random(seed)
    facts = [fact for number in range(STORIES) for fact in _story(random, seed, number)]
    sent = [repeat for fact in facts for repeat in _with_repeats(random, seed, fact)]
    arrivals = [
        index + random.randrange(SHIFT_MAX) * (random.random() < 0.3)
        for index in range(len(sent))
    ]
    order = sorted(range(len(sent)), key=lambda index: (arrivals[index], index))
    return [_step(random, number, sent[index]) for number, index in enumerate(order)]


def batches(steps: Sequence[DayStep]) -> list[list[DayStep]]:
    """Consecutive steps of one receiver, divided into batches."""
    grouped: list[list[DayStep]] = []
    for step in steps:
        is_new = not grouped or grouped[-1][-1].ends_batch or step.restarts
        if is_new or grouped[-1][-1].receiver != step.receiver:
            grouped.append([])
        grouped[-1].append(step)
    return grouped


def _players(seed: int) -> list[str]:
    return [f"{seed}.{player}" for player in PLAYERS]


def _story(random: Random, seed: int, number: int) -> list[SlugFact]:
    slug = random.choice(list(RULES))
    player = random.choice((*_players(seed) * 6, f"{seed}.nobody"))
    currency = random.choice((*["EUR"] * 9, *["JPY"] * 3, "BTC"))
    name = f"{seed}.{number}"
    facts = story(random, name, handle_of(slug, player), currency)
    if random.random() < 0.25:
        shares = [
            (handle_of(slug, sharer), random.choice(CURRENCIES)) for sharer in _players(seed)
        ]
        facts += shared_story(random, name, random.sample(shares, random.choice((1, 2, 3))))
    sent: list[SlugFact] = [(slug, fact) for fact in facts if random.random() < 0.9]
    if random.random() < 0.5:
        extra_slug = random.choice((slug, *RULES))
        extra_player = random.choice(_players(seed))
        extra_currency = random.choice(CURRENCIES)
        handle = handle_of(extra_slug, extra_player)
        sent.append(extra_fact(random, name, extra_player, extra_slug, handle, extra_currency))
    return sent


def _with_repeats(random: Random, seed: int, original: SlugFact) -> list[SlugFact]:
    """The fact, sometimes with repeats, sometimes with a changed repeat."""
    luck, (slug, fact) = random.random(), original
    if luck < 0.75:
        return [original]
    if luck < 0.9 or not isinstance(fact, Operation):
        return [original] * random.choice((2, 2, 3))
    other_handle = handle_of(slug, random.choice(_players(seed)))
    return [original, (slug, changed_repeat(random, fact, other_handle)), original]


def _step(random: Random, number: int, sent: SlugFact) -> DayStep:
    skew = timedelta(milliseconds=random.choice((0, 0, 0, -40_000, 3_600_000)))
    slug, fact = sent
    if isinstance(fact, Operation) and slug != OWN:
        # The provider's clock: absent or arbitrary, also on a repeat.
        deviation = timedelta(days=random.choice((-400, 0, 400)))
        fact = replace(fact, occurred_at=random.choice((None, NIGHT + deviation)))
    luck = random.random()
    return DayStep(
        number=number,
        sent=SentFact(slug, fact, NIGHT + timedelta(seconds=number - 40) + skew),
        receiver=random.randrange(RECEIVERS),
        ends_batch=random.random() < 0.4,
        cut=Cut.BEFORE if luck < 0.01 else Cut.AFTER if luck < 0.03 else None,
        post=random.choice((*[0] * 10, 1, 3)),
        restarts=random.random() < 0.015,
    )
