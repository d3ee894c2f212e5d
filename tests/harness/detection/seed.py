"""One seed: its month, its faults, what must be found of them, and what is found."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.harness.detection.edges import DAYS, edge_case, edge_world, expected_on
from tests.harness.detection.expected import Expected, predicted
from tests.harness.detection.fault_kinds import Fault
from tests.harness.detection.faults import strike
from tests.harness.detection.in_memory import find_breaks
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
        """The breaks that were predicted and not found."""
        return sorted((Counter(self.predicted) - Counter(self.found)).elements())

    @property
    def invented(self) -> list[Expected]:
        """The breaks that were found and not predicted."""
        return sorted((Counter(self.found) - Counter(self.predicted)).elements())

    @property
    def exact(self) -> bool:
        """Whether nothing was missed or invented, in any field of a break."""
        return self.predicted == self.found


def case_of(seed: int, only: Collection[int] | None = None) -> Case:
    """Return the month of a seed with all its faults, or only those of the given plays."""
    plays = month(seed)
    faults = plan(seed, plays)
    if only is not None:
        faults = [fault for fault in faults if fault.play in only]
    return Case(plays, faults)


def world_of(cases: Iterable[Case]) -> World:
    """Return both sides of some months, faults included."""
    return lay_out(stored for case in cases for stored in _scenes(case))


def _scenes(case: Case) -> Iterator[Scene]:
    struck = {fault.play: fault for fault in case.faults}
    for play in case.plays:
        stored = scene(play)
        if play.number in struck:
            strike(stored, play, struck[play.number])
        yield stored


def expected_of(case: Case) -> list[Expected]:
    """Return every break that must be found, sorted."""
    plays = {play.number: play for play in case.plays}
    return sorted(b for fault in case.faults for b in predicted(plays[fault.play], fault))


def compare_in_memory(
    cases: Sequence[Case], systems: Collection[System] = tuple(System)
) -> Verdict:
    """Compare every provider's books of some months at once, without a database."""
    world = world_of(cases)
    slugs = {system.value for system in systems}
    expected = [b for case in cases for b in expected_of(case) if b.system in slugs]
    breaks = [break_ for system in systems for break_ in find_breaks(world, system)]
    return Verdict(sorted(expected), sorted(breaks))


def compare_edges(seeds: Iterable[int]) -> Verdict:
    """Compare both days around the edge of some seeds, without a database."""
    cases = [edge_case(seed) for seed in seeds]
    world = edge_world(cases)
    expected = [break_ for day in DAYS for break_ in expected_on(cases, day)]
    breaks = [
        break_
        for start, end in DAYS
        for break_ in find_breaks(world, System.UNNAMED, Window(start=start, end=end))
    ]
    return Verdict(sorted(expected), sorted(breaks))


def seed_of(break_: Expected) -> int:
    """Return the month that a break belongs to; every id in it contains the seed."""
    match = _SEED.search(break_.round_id)
    assert match is not None, break_
    return int(match.group(1))


_SEED = re.compile(r"[a-z]([0-9]+)[.:]")
