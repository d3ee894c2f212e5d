"""The commands about days that come next: one for each date, with the options they need."""

from dataclasses import replace
from datetime import date

from ops.commands.day.output import day_commands
from tests.unit.reconcile.test_day_states import business_day, figures


def test_days_of_one_date_share_a_command() -> None:
    days = [replace(business_day(), provider=slug) for slug in ("book", "agg")]

    assert day_commands("sign", days) == [
        "tieout day sign 2026-11-27 --provider agg --provider book"
    ]


def test_each_date_has_a_command_of_its_own() -> None:
    days = [business_day(), replace(business_day(), provider="agg", day=date(2026, 11, 26))]

    assert day_commands("close", days) == [
        "tieout day close 2026-11-26 --provider agg",
        "tieout day close 2026-11-27 --provider lottery",
    ]


def test_a_reason_is_asked_for_where_the_step_is_refused_without_one() -> None:
    quiet, with_breaks = business_day(), business_day(figures=figures(count=2))

    assert day_commands("prepare", [quiet])[0].endswith("--provider lottery")
    assert day_commands("prepare", [with_breaks])[0].endswith("--provider lottery --reason WHY")
    assert day_commands("reopen", [quiet])[0].endswith("--provider lottery --reason WHY")
