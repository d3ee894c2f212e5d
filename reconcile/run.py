"""One run: post what is unposted, read both sides at one instant, judge, prove, store."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from importlib.metadata import version
from types import MappingProxyType

from sqlalchemy import Connection

from ledger.posting import drain
from reconcile.breaks import Break
from reconcile.judge import Judged, Terms, judge
from reconcile.result import RunResult, iso
from reconcile.rules import BY_NAME, Rules
from reconcile.store import lock_provider, store_run
from reconcile.window import Window
from reconcile.witness_log import ReadLogged
from storage.engine import open_engine
from vocabulary.clock import Clock

#: Raised whenever a rule judges the same rows differently than before.
RULES: Mapping[str, int] = MappingProxyType({"match": 2, "classify": 2, "witness": 1})
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
    read: ReadLogged | None = None,
) -> RunResult:
    """Compare our rounds with the provider's records over a window, and store the run.

    Accepted operations that no worker has posted yet are posted first, so that a slow worker
    never looks like a break. What is asked is described by ``reconcile.judge.Terms``.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: the run does not conserve its rows; nothing is stored.
    """
    terms = Terms(
        provider=provider,
        window=window,
        maturity=maturity,
        exponents=exponents,
        open_after=open_after,
        rules=rules,
        read=read,
    )
    drain(database_url)
    engine = open_engine(database_url, pool_size=1)
    try:
        with engine.begin() as connection:
            lock_provider(connection, provider)
            now = clock.now()
            judged = judge(database_url, connection, terms, now=now)
            result = _result(terms, judged, now, clock.now())
            return _stored(connection, result, judged)
    finally:
        engine.dispose()


def _result(terms: Terms, judged: Judged, now: datetime, finished: datetime) -> RunResult:
    found = judged.comparison
    return RunResult(
        run_id=_run_id(terms.provider, terms.window, now),
        provider=terms.provider,
        window=terms.window,
        started_at=now,
        finished_at=finished,
        maturity_s=int(terms.maturity.total_seconds()),
        ours=found.ours,
        theirs=found.theirs,
        breaks=judged.breaks,
        code=version("tieout"),
        rules=RULES,
        exponents=terms.exponents,
        residuals=found.residuals,
        inputs={**terms.as_json(), "marks": marks_json(judged)},
    )


def marks_json(judged: Judged) -> dict[str, object]:
    """How far the stored inputs reached, as a manifest keeps it."""
    feeds = [
        {
            name: iso(value) if isinstance(value, datetime) else value
            for name, value in feed.items()
        }
        for feed in judged.marks["feeds"]
    ]
    return {**judged.marks, "feeds": feeds}


def _stored(connection: Connection, result: RunResult, judged: Judged) -> RunResult:
    first_seen = store_run(connection, result, examined=judged.examined)
    return replace(
        result, breaks=tuple(_dated(each, first_seen[each.id]) for each in result.breaks)
    )


def _dated(each: Break, first_seen: datetime) -> Break:
    return each if each.first_seen == first_seen else replace(each, first_seen=first_seen)


def _run_id(provider: str, window: Window, now: datetime) -> str:
    """The same run of the same provider, window and instant has the same name."""
    named = f"{provider}\0{iso(window.start)}\0{iso(window.end)}\0{iso(now)}"
    return "run-" + blake2b(named.encode(), digest_size=10).hexdigest()
