"""After a booking, the run of the day that the corrected rounds belong to."""

from datetime import timedelta

from ops.commands.breaks.next_run import commands_after_booking
from ops.settings.model import Settings
from tests.harness.books.differences.tracked import NOON, tracked

_ENTRY = {"dialect": "xigs", "currency": "EUR", "secrets": ["literal:a secret of the tests"]}
SETTINGS = Settings.model_validate(
    {
        "mode": "test",
        "providers": [
            {**_ENTRY, "slug": "lottery", "timezone": "Europe/Warsaw"},
            {**_ENTRY, "slug": "bingo", "timezone": "UTC"},
        ],
    }
)


def test_each_day_has_a_command_with_its_providers() -> None:
    late = NOON.replace(hour=23)
    breaks = [
        tracked(1, began_at=late),
        tracked(2, began_at=late, provider="bingo"),
        tracked(3, began_at=NOON, provider="lottery"),
        tracked(4, began_at=None, first_seen=NOON - timedelta(days=1), provider="bingo"),
        tracked(5, began_at=NOON, provider="gone"),
    ]

    assert list(commands_after_booking(breaks, SETTINGS)) == [
        "tieout day run --day 2026-06-03 --provider bingo",
        "tieout day run --day 2026-06-04 --provider bingo --provider lottery",
        "tieout day run --day 2026-06-05 --provider lottery",
    ]
