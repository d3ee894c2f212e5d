"""Which time no window covers."""

from datetime import UTC, datetime

import pytest

from reconcile.days.signed import uncovered


def day(number: int) -> datetime:
    return datetime(2026, 6, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "gaps"),
    [
        ([], [(3, 9)]),
        ([(1, 10)], []),
        ([(3, 5), (5, 9)], []),
        ([(1, 4), (6, 7)], [(4, 6), (7, 9)]),
        ([(4, 5)], [(3, 4), (5, 9)]),
        ([(1, 2)], [(3, 9)]),
    ],
)
def test_gaps_between_windows_are_found(
    windows: list[tuple[int, int]], gaps: list[tuple[int, int]]
) -> None:
    found = uncovered([(day(start), day(end)) for start, end in windows], day(3), day(9))
    assert list(found) == [(day(start), day(end)) for start, end in gaps]
