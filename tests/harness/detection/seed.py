"""One seed: its month, its faults, what must be found of them, and what is found."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.harness.detection.edges import DAYS, edge_case, edge_world, expected_on
from tests.harness.detection.expected import Expected, predicted
from tests.harness.detection.fault_kinds import Fault
from tests.harness.detection.faults import strike
from tests.harness.detection.in_memory import found_in
from tests.harness.detection.month import Play, System, month
from tests.harness.detection.plan import plan
from tests.harness.detection.world import Scene, World, lay_out, scene
from vocabulary.window import Window


@dataclass(frozen=True, slots=True)
class Case:
    """A month with its faults."""

    plays: Sequence[Play]
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was predicted and what was found, each sorted."""

    predicted: list[Expected]
    found: list[Expected]

    @property
    def missed(self) -> list[Expected]:
        """Predicted, and not found."""
        return sorted((Counter(self.predicted) - Counter(self.found)).elements())

    @property
    def invented(self) -> list[Expected]:
        """Found, and not predicted."""
        return sorted((Counter(self.found) - Counter(self.predicted)).elements())

    @property
    def exact(self) -> bool:
        """None missed, none invented; kind, round, player, money and impact right."""
        return self.predicted == self.found


def case_of(seed: int, only: Collection[int] | None = None) -> Case:
    """The month of a seed with all its faults, or only those of the plays named."""
    plays = month(seed)
    faults = plan(seed, plays)
    if only is not None:
        faults = [fault for fault in faults if fault.play in only]
    return Case(plays, faults)


def world_of(cases: Iterable[Case]) -> World:
    """Both sides of some months, faults included."""
    return lay_out(made for case in cases for made in _scenes(case))


def _scenes(case: Case) -> Iterator[Scene]:
    struck = {fault.play: fault for fault in case.faults}
    for play in case.plays:
        made = scene(play)
        if play.number in struck:
            strike(made, play, struck[play.number])
        yield made


def expected_of(case: Case) -> list[Expected]:
    """Every break that must be found, sorted."""
    plays = {play.number: play for play in case.plays}
    return sorted(one for fault in case.faults for one in predicted(plays[fault.play], fault))


def judged_in_memory(
    cases: Sequence[Case], systems: Collection[System] = tuple(System)
) -> Verdict:
    """Compare every provider's books of some months at once, without a database."""
    world = world_of(cases)
    wanted = {system.value for system in systems}
    told = [one for case in cases for one in expected_of(case) if one.system in wanted]
    found = [one for system in systems for one in found_in(world, system)]
    return Verdict(sorted(told), sorted(found))


def judged_at_edges(seeds: Iterable[int]) -> Verdict:
    """Compare both of the days that meet at an edge, without a database, by some seeds."""
    cases = [edge_case(seed) for seed in seeds]
    world = edge_world(cases)
    told = [one for day in DAYS for one in expected_on(cases, day)]
    found = [
        one
        for start, end in DAYS
        for one in found_in(world, System.UNNAMED, Window(start=start, end=end))
    ]
    return Verdict(sorted(told), sorted(found))


def seed_of(one: Expected) -> int:
    """The month that a break belongs to: every name in it says so."""
    match = _SEED.search(one.round_id)
    assert match is not None, one
    return int(match.group(1))


_SEED = re.compile(r"[a-z]([0-9]+)[.:]")
