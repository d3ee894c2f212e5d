"""How long a round may stay open: the setting, or else what the dialect expects."""

from datetime import timedelta

import pytest

from ops.providers.configured import configured
from ops.settings.model import Settings


def allowed(dialect: str, **more: object) -> timedelta | None:
    entry = {
        "slug": "asked",
        "dialect": dialect,
        "currency": "USD",
        "secrets": ["literal:a secret of the tests"],
        **more,
    }
    settings = Settings.model_validate(
        {"mode": "test", "providers": [entry]}, context={"mode": "test"}
    )
    return configured(settings)["asked"].open_after


@pytest.mark.parametrize(
    ("dialect", "more", "expected"),
    [
        ("sportsbook", {}, None),
        ("sportsbook", {"open_after": "6h"}, timedelta(hours=6)),
        ("xigs", {}, timedelta(hours=24)),
        ("xigs", {"open_after": "30m"}, timedelta(minutes=30)),
        ("xigs", {"options": {"round_open_hours": 2}}, timedelta(hours=2)),
        ("xigs", {"options": {"round_open_hours": 0}}, None),
    ],
)
def test_a_round_may_stay_open_as_long_as_set_or_as_its_dialect_says(
    dialect: str, more: dict[str, object], expected: timedelta | None
) -> None:
    assert allowed(dialect, **more) == expected
