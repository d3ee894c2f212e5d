"""One run: post what is unposted, read both sides at one instant, judge, prove, store."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from importlib.metadata import version
from types import MappingProxyType

import pandas as pd
from sqlalchemy import Connection

from ledger.posting import drain
from reconcile.breaks import Break, breaks_from_frame
from reconcile.compare import Comparison, Judging, compare
from reconcile.frames import Keys
from reconcile.load import Books, Sides, open_books
from reconcile.result import RunResult, iso
from reconcile.rules import BY_NAME, Rules
from reconcile.store import lock_provider, store_run
from reconcile.window import Window
from storage.engine import open_engine
from vocabulary.clock import Clock

#: Raised whenever a rule judges the same rows differently than before.
RULES: Mapping[str, int] = MappingProxyType({"match": 2, "classify": 2})
_NO_OVERRIDES: Mapping[str, int] = MappingProxyType({})


def reconcile(
    database_url: str,
    *,
    provider: str,
    window: Window,
    maturity: timedelta,
    clock: Clock,
    exponents: Mapping[str, int] = _NO_OVERRIDES,
    open_after: timedelta | None = None,
    rules: Rules = BY_NAME,
) -> RunResult:
    """Compare our rounds with the provider's records over a window, and store the run.

    Accepted operations that no worker has posted yet are posted first, so that a slow worker
    never looks like a break.

    One-sided rounds younger than ``maturity`` are timing. ``exponents`` are the provider's
    overrides of digits after the point. A round of ours that began more than ``open_after``
    ago and never ended is a break; None looks for none.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: the run does not conserve its rows; nothing is stored.
    """
    drain(database_url)
    engine = open_engine(database_url, pool_size=1)
    try:
        with engine.begin() as connection:
            lock_provider(connection, provider)
            now = clock.now()
            overdue = None if open_after is None else now - open_after
            judging = Judging(now=now, maturity=maturity, rules=rules)
            with open_books(
                database_url, provider, window, overdue=overdue, balances=rules.attributes
            ) as books:
                sides = books.keys()
                found = _compare(books, sides, judging)
            breaks = breaks_from_frame(
                found.breaks, provider=provider, exponents=exponents, now=now
            )
            result = RunResult(
                run_id=_run_id(provider, window, now),
                provider=provider,
                window=window,
                started_at=now,
                finished_at=clock.now(),
                maturity_s=int(maturity.total_seconds()),
                ours=found.ours,
                theirs=found.theirs,
                breaks=breaks,
                code=version("tieout"),
                rules=RULES,
                exponents=exponents,
                residuals=found.residuals,
            )
            return _stored(connection, result, sides)
    finally:
        engine.dispose()


def _compare(books: Books, sides: Sides, judging: Judging) -> Comparison:
    def fetch(keys: Keys) -> tuple[pd.DataFrame, pd.DataFrame]:
        full = books.records(keys)
        return full.ours, full.theirs

    return compare(
        sides.ours,
        sides.theirs,
        suspect=books.straddling(),
        fetch=fetch,
        judging=judging,
    )


def _stored(connection: Connection, result: RunResult, sides: Sides) -> RunResult:
    examined = (sides.ours["match_key"].to_numpy(), sides.theirs["match_key"].to_numpy())
    first_seen = store_run(connection, result, examined=examined)
    return replace(
        result, breaks=tuple(_dated(each, first_seen[each.id]) for each in result.breaks)
    )


def _dated(each: Break, first_seen: datetime) -> Break:
    return each if each.first_seen == first_seen else replace(each, first_seen=first_seen)


def _run_id(provider: str, window: Window, now: datetime) -> str:
    """The same run of the same provider, window and instant has the same name."""
    named = f"{provider}\0{iso(window.start)}\0{iso(window.end)}\0{iso(now)}"
    return "run-" + blake2b(named.encode(), digest_size=10).hexdigest()
