"""Three days of two providers, compared and signed, for statements."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from typer.testing import CliRunner

from ops import cli
from reconcile.days.states import DayAction, StepRequest, StepRules
from reconcile.days.store import DayTerms, load_day, store_step
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reports.load import load_pack
from reports.pack import Pack
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.window import Window, parse_window

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[reporting]
entity = "Example Gaming Ltd"
currency = "EUR"
rates = "rates.csv"
[[providers]]
slug = "agg"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
[[providers]]
slug = "book"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
"""
RATES = "day,currency,rate,source\n" + "".join(
    f"2026-03-0{day},USD,0.5,ECB\n" for day in (1, 2, 3)
)
# As posting would write them; one round has not ended, and one was posted the day before.
_ENTRIES = """
INSERT INTO entries
       (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount, posted_at)
SELECT r.wallet_id, hashtext(r.round_id)::bigint + 3000000000, l.leg, l.account::account_kind,
       r.provider, r.match_key, r.currency, l.amount,
       r.first_at - CASE WHEN r.round_id = 'agg-0' THEN interval '1 day' ELSE '0' END
  FROM rounds r
 CROSS JOIN LATERAL (VALUES
        (1, 'player_wallet', r.payout - r.stake),
        (2, CASE r.round_id WHEN 'agg-2' THEN 'provider_clearing' ELSE 'ggr' END,
         r.stake - r.payout)) AS l (leg, account, amount)
 WHERE r.provider = %s
"""
DAYS = tuple(date(2026, 3, day) for day in (1, 2, 3))
PERIOD = ("--from", "2026-03-01", "--to", "2026-03-04")
ONE_DAY = timedelta(days=1)
REPORT_AT = datetime(2026, 3, 4, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Desk:
    """A command line over one database."""

    folder: Path
    database: str

    def write_settings(self) -> None:
        """Write the settings of both providers, and the rates."""
        settings = SETTINGS.format(database=self.database)
        (self.folder / "tieout.toml").write_text(settings, "utf-8")
        (self.folder / "rates.csv").write_text(RATES, "utf-8")

    def run(self, *words: str) -> Any:
        """The result of a command."""
        return CliRunner().invoke(
            cli.app, ["--config", str(self.folder / "tieout.toml"), *words]
        )

    def files(self, *words: str, code: int = 0) -> dict[str, list[Path]]:
        """The files that a report wrote, by provider."""
        result = self.run("report", *words, "--json")
        assert result.exit_code == code, (result.output, result.exception)
        return {
            name: [Path(path) for path in paths]
            for name, paths in json.loads(result.stdout).items()
        }

    def pack(self, window: Window, **options: Any) -> Pack:
        """The pack of the first provider over a window."""
        engine = open_engine(self.database)
        with engine.connect() as connection:
            pack = load_pack(
                connection,
                "agg",
                window=window,
                generated_at=REPORT_AT,
                exponents={},
                entity="Example Gaming Ltd",
                **options,
            )
        engine.dispose()
        return pack


def fill_days(database: str, provider: str) -> None:
    """Write a round that agrees and one that differs on each day, and their entries."""
    books = TwoBooks(provider=provider)
    for number in range(len(DAYS)):
        at = NOON + number * ONE_DAY
        books.both(f"{provider}-{number}", 1_000, 400, at=at)
        books.ours(f"{provider}-less-{number}", 500, 100, at=at)
        books.theirs(f"{provider}-less-{number}", 500, 130 + number, at=at)
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute(_ENTRIES, [provider])


def window_of_day(day: date) -> Window:
    """The window of a day."""
    return parse_window(str(day), str(day + ONE_DAY), zone="UTC")


def reconcile_day(database: str, provider: str, day: date) -> None:
    """Compare a day an hour after it is over, and close it."""
    window = window_of_day(day)
    request = RunRequest(
        provider=provider, window=window, maturity=timedelta(minutes=15), close=day
    )
    reconcile(database, request, clock=FrozenClock(window.end + timedelta(hours=1)))


def sign_day(database: str, day: date) -> None:
    """Maria prepares a day and Jonas signs it."""
    window = window_of_day(day)
    engine = open_engine(database)
    terms = DayTerms(
        provider="agg",
        day=day,
        window=window,
        zone="UTC",
        mature_at=window.end,
        waits_for=(),
        exponents={},
    )
    steps = ((DayAction.PREPARE, "maria", "asked them"), (DayAction.SIGN, "jonas", ""))
    for action, by, reason in steps:
        request = StepRequest(action=action, by=by, eyes=frozenset({by}), reason=reason)
        with engine.begin() as connection:
            status = load_day(connection, terms, window.end + timedelta(hours=3))
            store_step(connection, status, request, StepRules(two_people=True))
    engine.dispose()
