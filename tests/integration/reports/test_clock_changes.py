"""Days of 23 and 25 hours: each round counts on one day, in every figure that leaves."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ledger.posting.posting import post_all_at
from tests.harness.books.ledger import accept, bet
from tests.harness.books.signed_days import CODES, SignedDays, minor
from vocabulary.window import day_window

ZONE = ZoneInfo("Europe/Berlin")
SHORT, LONG = date(2026, 3, 29), date(2026, 10, 25)
ONE_DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
SETTINGS = 'timezone = "Europe/Berlin"\n[reporting]\nzone = "Europe/Berlin"\n'
#: When the bets of the day are, and their stakes in cents, by which sums tell them apart.
HOURS = {timedelta(0): 1, timedelta(hours=1, minutes=30): 2, timedelta(hours=2, minutes=30): 4}
LAST, BEFORE, AFTER = 8, 16, 32
OF_DAY = sum(HOURS.values()) + LAST


@pytest.fixture
def days(tmp_path: Path, database: str) -> SignedDays:
    """Bets at the edges and around the change of both days, and at the end of March."""
    days = SignedDays(tmp_path, database)
    days.configure(CODES, extra=SETTINGS)
    for day in (SHORT, LONG):
        window = day_window(day, ZONE)
        stakes = {window.start + after: stake for after, stake in HOURS.items()}
        stakes |= {window.end - MOMENT: LAST, window.start - MOMENT: BEFORE, window.end: AFTER}
        for at, stake in stakes.items():
            play(days, at, stake)
    april = datetime(2026, 4, 1, tzinfo=ZONE).astimezone(UTC)
    play(days, april - MOMENT, 64)
    play(days, april, 128)
    post_all_at(database)
    return days


def play(days: SignedDays, at: datetime, stake: int) -> None:
    accept(days.database, bet(f"k{at.isoformat()}", stake, round_id=at.isoformat()), at=at)


def test_a_short_and_a_long_day_lose_and_double_nothing(days: SignedDays) -> None:
    words = ("--provider", "lottery")
    days.sign(SHORT, LONG)
    for day, hours in ((SHORT, 23), (LONG, 25)):
        around = [day - ONE_DAY, day, day + ONE_DAY]
        shown = [days.json("day", "show", str(one), *words) for one in around]
        span = ("--from", str(around[0]), "--to", str(day + 2 * ONE_DAY))
        totals = json.loads(days.run("totals", *words, *span, "--json", code=1))["totals"]
        rows = days.export(day, day, *words)
        issued = [minor(row["credit"]) - minor(row["debit"]) for row in rows if ggr_of(row)]

        window = day_window(day, ZONE)
        assert window.end - window.start == timedelta(hours=hours)
        stakes = [minor(one["figures"]["ours"]["EUR"]["stake"]) for one in shown]
        assert stakes == [BEFORE, OF_DAY, AFTER]
        assert shown[1]["state"] == "signed"
        assert {row["day"]: minor(row["ours"]["stake"]) for row in totals} == {
            str(one): stake for one, stake in zip(around, stakes, strict=True)
        }
        assert sum(issued) == OF_DAY
        assert stake_in_pack(days, day) == OF_DAY
    check_months(days)


def stake_in_pack(days: SignedDays, day: date) -> int:
    """Our stake in the pack of a day."""
    out = days.folder / str(day)
    days.run("report", "--provider", "lottery", "--day", str(day), "--out", str(out))
    (file,) = out.glob("*-totals.csv")
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    return sum(minor(row["stake"]) for row in rows)


def check_months(days: SignedDays) -> None:
    months = {
        month: days.json("figures", "--month", month)["days"]
        for month in ("2026-03", "2026-04", "2026-10")
    }
    stakes = {
        month: {row["day"]: minor(row["stakes"]) for row in rows if minor(row["stakes"])}
        for month, rows in months.items()
    }

    around = {
        day: {str(day - ONE_DAY): BEFORE, str(day): OF_DAY, str(day + ONE_DAY): AFTER}
        for day in (SHORT, LONG)
    }
    assert stakes["2026-03"] == around[SHORT] | {"2026-03-31": 64}
    assert stakes["2026-04"] == {"2026-04-01": 128}
    assert stakes["2026-10"] == around[LONG]
    assert [len(rows) for rows in months.values()] == [4, 30, 31]  # from the first day booked


def ggr_of(row: dict[str, str]) -> bool:
    return row["kind"] == "day" and row["account"] in {"ggr", "provider_clearing"}
