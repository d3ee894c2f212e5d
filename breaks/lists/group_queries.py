"""Groups of the breaks that a filter matches, and the days without any record.

Tables read: ``breaks``, ``break_workflows``, ``feed_records``.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from breaks.kinds import BreakKind
from breaks.lists.groups import BreakGroup, GroupableBreak, GroupContext, group_breaks
from breaks.lists.queries import BreakFilter, read_breaks
from breaks.store import TrackedBreak, transaction
from vocabulary.window import day_window

# Each day is a look-up by index: EXISTS may be planned as one scan of the whole table. Where
# records left for an archive, the close of the day says whether there were any.
_SILENT_DAYS = """
SELECT d.number
  FROM unnest(CAST(:providers AS text[]), CAST(:starts AS timestamptz[]),
              CAST(:ends AS timestamptz[]))
         WITH ORDINALITY AS d (provider, start, "end", number)
 WHERE (SELECT true FROM feed_records f
         WHERE f.provider = d.provider AND f.created_at >= d.start AND f.created_at < d."end"
         LIMIT 1) IS NULL
   AND NOT EXISTS (SELECT FROM day_closes c
                    WHERE c.provider = d.provider AND c.starts_at < d."end"
                      AND c.ends_at > d.start AND c.starts_at < rows_begin_at()
                      AND c.records > 0)
"""


def grouped_breaks(
    engine: Engine, break_filter: BreakFilter, zones: Mapping[str, str]
) -> list[BreakGroup[TrackedBreak]]:
    """The groups of the breaks that a filter matches, the largest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        breaks = read_breaks(connection, break_filter)
        silent = silent_days(connection, days_to_ask(breaks, GroupContext(zones=zones)), zones)
    return group_breaks(breaks, GroupContext(zones=zones, silent_days=silent))


def days_to_ask(
    breaks: Iterable[GroupableBreak], context: GroupContext
) -> set[tuple[str, date]]:
    """The business days of which a group has to know whether the provider reported anything."""
    return {
        (break_.provider, day)
        for break_ in breaks
        if break_.kind is BreakKind.MISSING_AT_PROVIDER
        and (day := context.day_of(break_)) is not None
    }


def silent_days(
    connection: Connection, days: Iterable[tuple[str, date]], zones: Mapping[str, str]
) -> frozenset[tuple[str, date]]:
    """Those of the business days for which a provider reported no record; all have a zone."""
    ordered = sorted(days)
    windows = [day_window(day, ZoneInfo(zones[slug])) for slug, day in ordered]
    params = {
        "providers": [slug for slug, _ in ordered],
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
    }
    numbers = connection.execute(text(_SILENT_DAYS), params).scalars()
    return frozenset(ordered[number - 1] for number in numbers)
