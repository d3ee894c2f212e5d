"""The command that finds corrected rounds equal and closes their breaks."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from breaks.store import TrackedBreak
from ops.settings.model import Settings


def commands_after_booking(breaks: Iterable[TrackedBreak], settings: Settings) -> Iterator[str]:
    """One command for each day of the breaks, which need not be yesterday."""
    zones = {entry.slug: ZoneInfo(entry.timezone) for entry in settings.providers}
    # A provider that is no longer configured cannot be run.
    runnable = [break_ for break_ in breaks if break_.provider in zones]
    days = {
        (_began_at(break_).astimezone(zones[break_.provider]).date(), break_.provider)
        for break_ in runnable
    }
    for day, of_day in groupby(sorted(days), key=lambda place: place[0]):
        slugs = " ".join(f"--provider {slug}" for _, slug in of_day)
        yield f"tieout day run --day {day} {slugs}"


def _began_at(break_: TrackedBreak) -> datetime:
    return break_.began_at or break_.first_seen
