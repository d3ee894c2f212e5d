"""Addresses of every page of the console, with ids of the books of ``benchmarks.console``."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from sqlalchemy import Engine, text

from benchmarks.console.books import ZONES
from breaks.lists.group_queries import grouped_breaks
from breaks.lists.groups import BreakCause
from breaks.lists.queries import BreakFilter
from console.routes import ROUTES

#: The page that asks the database for nothing but ``SELECT 1``.
REFERENCE = "/readyz"
#: Part of an address of something that these books do not have: its page says so.
ABSENT = "none"
#: The line of the groups of breaks when somebody has just commented on one.
AFTER_COMMENT = "/breaks/groups after a comment"
#: Streams, which end when the page is left.
_STREAMS = frozenset({"/ops/events", "/jobs/{id}/events"})
_EXAMPLES = 40
#: Samples that are no text that a person searches for.
_NOT_SEARCHED = frozenset(
    {"day", "amount", "round address", "any round", "file id", "payout break"}
)
#: By placeholder of an address, the column that has its values.
_SAMPLES = {
    "break": "SELECT break_id FROM breaks ORDER BY md5(break_id) LIMIT :n",
    "payout break": "SELECT break_id FROM breaks JOIN break_workflows USING (break_id)"
    " WHERE kind = 'payout_mismatch' AND state IN ('open', 'assigned') AND difference <> 0"
    " ORDER BY md5(break_id) LIMIT :n",
    "run": "SELECT run_id FROM runs ORDER BY md5(run_id) LIMIT :n",
    "round": "SELECT round_id FROM breaks ORDER BY md5(round_id) LIMIT :n",
    "player": "SELECT player FROM players ORDER BY player LIMIT :n",
    "handle": "SELECT handle FROM handles ORDER BY md5(handle) LIMIT :n",
    "transaction": "SELECT 'txn-' || wallet_id || '-' || seq FROM wallets LIMIT :n",
    "batch": "SELECT 'batch ' || batch_id FROM batches LIMIT :n",
    "player with breaks": "SELECT DISTINCT player FROM breaks WHERE player <> '' LIMIT :n",
    "round address": "SELECT provider || '/' || round_id FROM breaks ORDER BY md5(round_id)"
    " LIMIT :n",
    "file": "SELECT name FROM feed_files ORDER BY md5(name) LIMIT :n",
    "file id": "SELECT file_id FROM feed_files ORDER BY md5(name) LIMIT :n",
    "any round": "SELECT provider || '/' || round_id FROM operations"
    " WHERE wallet_id > 1000 AND wallet_seq = 50 LIMIT :n",
    "busy player": "SELECT player FROM wallets WHERE seq > 1000 ORDER BY seq DESC LIMIT :n",
    "finding": "SELECT finding_id FROM feed_findings LIMIT :n",
    "adjustment": "SELECT id FROM adjustments LIMIT :n",
}
_DAYS = """
SELECT provider || '/' || business_day FROM day_closes ORDER BY md5(provider || business_day)
 LIMIT :n
"""
_AMOUNTS = """
SELECT to_char(abs(difference) / 100.0, 'FM9999990.00') || ' ' || currency || '|'
       || began_at::date
  FROM breaks WHERE currency <> 'JPY' AND difference <> 0 ORDER BY md5(break_id) LIMIT :n
"""
#: Filters of the list of breaks, as people set them.
_BREAK_FILTERS: tuple[Mapping[str, str], ...] = (
    *({}, {"provider": "aggregator"}, {"kind": "payout_mismatch"}, {"state": "open"}),
    *({"state": "all"}, {"state": "closed"}, {"impact": "player_owed"}, {"assignee": "maria"}),
    *({"sort": "age"}, {"state": "all", "sort": "age"}, {"q": "1000000000000079"}),
    {"state": "all", "q": "no such words"},
    *({"age": "30"}, {"overdue": "1"}, {"currency": "USD", "min": "10"}, {"mentioned": "me"}),
    *({"game": "game-20"}, {"game": "game-7"}),
)
#: Spans of the pages of figures that people choose.
_SPANS = {
    "of a day": "from={last}&to={last}",
    "of a month": "from={month}&to={last}",
    "of ninety days": "from={first}&to={last}",
    "of a provider, ninety days": "from={first}&to={last}&provider=aggregator",
}


def addresses_of(engine: Engine) -> dict[str, list[str]]:
    """By name of a line, the paths that its views ask for in turn.

    Raises:
        SystemExit: an address of the console has no example.
    """
    with engine.connect() as connection:
        samples = {
            name: [
                str(value)
                for value in connection.execute(text(query), {"n": _EXAMPLES}).scalars()
            ]
            for name, query in {**_SAMPLES, "day": _DAYS, "amount": _AMOUNTS}.items()
        }
    groups = [f"/breaks/groups/{name}" for name in _groups(engine)]
    pages = {**_pages(samples), "/breaks/groups/{id}": groups}
    routes = {route.path for route in ROUTES if route.method == "GET"} - _STREAMS
    missing = sorted(routes - set(pages))
    if missing:
        raise SystemExit(f"no example of {', '.join(missing)}: add it to {__file__}")
    filters = {
        f"/breaks?{urlencode(fields)}": [f"/breaks?{urlencode(fields)}"]
        for fields in _BREAK_FILTERS
    }
    by_player = [f"/breaks?state=all&player={quote(name)}" for name in samples["player"]]
    by_day = [f"/breaks?state=all&day={day.partition('/')[2]}" for day in samples["day"]]
    by_run = [f"/breaks?state=all&run={name}" for name in samples["run"]]
    by_round = [f"/breaks?state=all&round={name}" for name in samples["round"]]
    lines = {
        REFERENCE: [REFERENCE],
        **pages,
        **filters,
        "/breaks by player": by_player,
        "/breaks by day": by_day,
        "/breaks by run": by_run,
        "/breaks by round": by_round,
        "/rounds of anybody": [f"/rounds/{name}" for name in samples["any round"]],
        "/players who play most": [f"/players/{name}" for name in samples["busy player"]],
        **_figures_of_spans(samples),
        **_searches(samples),
    }
    return {name: paths for name, paths in lines.items() if paths}  # small books lack some


def commented_breaks(engine: Engine) -> list[str]:
    """The breaks on which somebody comments before the groups are asked for."""
    with engine.connect() as connection:
        sample = connection.execute(text(_SAMPLES["break"]), {"n": _EXAMPLES})
        return [str(value) for value in sample.scalars()]


def _pages(samples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """By address of a route, paths that it serves."""
    days = samples["day"]
    return {
        **_pages_of_records(samples),
        **_pages_of_figures(samples),
        **_pages_of_work(samples),
        "/login": ["/login"],
        "/reset/{code}": [f"/reset/{ABSENT}"],
        "/sso": [f"/sso?{ABSENT}"],
        "/sso/callback": [f"/sso/callback?state={ABSENT}"],
        "/": ["/"],
        "/days": ["/days"],
        "/days/{provider}/{day}": [f"/days/{day}" for day in days],
        "/breaks": ["/breaks"],
        "/breaks.csv": [f"/breaks.csv?day={day.partition('/')[2]}" for day in days],
        "/breaks/{id}": [f"/breaks/{name}" for name in samples["break"]],
        "/find": [f"/find?q={quote(name)}" for name in samples["round"]],
        "/runs/{id}": [f"/runs/{name}" for name in samples["run"]],
        **{path: [path] for path in ("/people", "/audit", "/settings", "/api", "/tokens")},
        "/api/operations/{id}": ["/api/operations/get_breaks"],
        "/api/objects/{name}": ["/api/objects/Break"],
        "/audit.csv": [f"/audit.csv?day={day.partition('/')[2]}" for day in days],
    }


def _pages_of_records(samples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The pages of the things that are found."""
    operations = [f"/operations/{name}" for name in samples["transaction"]]
    return {
        "/rounds/{provider}/{round}": [f"/rounds/{name}" for name in samples["round address"]],
        "/operations/{id}": operations,
        "/operations/{id}/{side}": [f"{path}/reply?{ABSENT}" for path in operations],
        "/requests/{id}": [f"/requests/1?{ABSENT}"],
        "/requests/{id}/{side}": [f"/requests/1/request?{ABSENT}"],
        "/players/{player}": [f"/players/{name}" for name in samples["player with breaks"]],
        "/batches/{id}": [f"/batches/{name.split()[1]}" for name in samples["batch"]],
        "/seals/{day}": [f"/seals/2020-01-01?{ABSENT}"],
        "/files/{id}": [f"/files/{number}" for number in samples["file id"]],
        "/files/{id}/content": [f"/files/1/content?{ABSENT}"],
    }


def _pages_of_figures(samples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Totals of one day and trends of a month."""
    days = [day.partition("/")[2] for day in samples["day"]]
    spans = [f"from={day}&to={day}" for day in days]
    return {
        **{
            path: [f"{path}?{span}" for span in spans]
            for path in ("/totals", "/totals.csv", "/totals.xlsx")
        },
        "/trends": ["/trends"],
        "/trends/{chart}.csv": ["/trends/ggr.csv"],
    }


def _figures_of_spans(samples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Totals and trends over the spans that people choose, and by game."""
    days = sorted(day.partition("/")[2] for day in samples["day"])
    month = f"{days[-1][:8]}01"
    spans = {
        name: span.format(first=days[0], month=month, last=days[-1])
        for name, span in _SPANS.items()
    }
    return {
        **{
            f"{page} {name}": [f"{page}?{span}"]
            for page in ("/totals", "/trends")
            for name, span in spans.items()
        },
        "/totals by day, of ninety days": [f"/totals?{spans['of ninety days']}&by=day"],
        "/totals by game, of a day": [f"/totals?{spans['of a day']}&by=game"],
        "/totals by game, of a month": [f"/totals?{spans['of a month']}&by=game"],
        "/totals of a game": [f"/totals?{spans['of a day']}&game=game-7"],
    }


def _groups(engine: Engine) -> list[str]:
    """The ids of the largest groups of breaks with a cause in common."""
    groups = grouped_breaks(engine, BreakFilter(), ZONES)
    shared = [group.group_id for group in groups if group.cause is not BreakCause.ALONE]
    return shared[:_EXAMPLES]


def _pages_of_work(samples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The pages of actions, jobs, feeds, packs and operations."""
    days = [day.partition("/")[2] for day in samples["day"]]
    breaks = [f"/breaks/{name}" for name in samples["break"]]
    plain = (
        *(
            "/days/what-if",
            "/days/sign-off",
            "/breaks/groups",
            "/feeds",
            "/jobs",
            "/disputes",
            "/disputes/new",
        ),
        *("/invoices", "/reports", "/ops", "/ops/parked", "/settings/notifications"),
        "/settings/notifications/new",
    )
    absent = (
        *("/breaks/{id}/files/{note}", "/jobs/{id}"),
        *("/jobs/{id}/files/{file}", "/ops/parked/{action}", "/settings/notifications/draft"),
        *("/disputes/{id}", "/disputes/{id}/packs/{number}", "/invoices/{id}"),
        *("/invoices/{id}/file", "/settings/notifications/{rule}/change"),
    )
    return {
        **{path: [path] for path in plain},
        **{path: [re.sub(r"\{\w+\}", "1", path) + f"?{ABSENT}"] for path in absent},
        "/breaks.xlsx": [f"/breaks.xlsx?day={day}" for day in days],
        "/breaks/bulk": ["/breaks/bulk?scope=all&provider=aggregator&kind=payout_mismatch"],
        "/breaks/{id}/correct": [f"{path}/correct" for path in breaks],
        "/breaks/{id}/correct, tried": [
            f"/breaks/{name}/correct?amount=1&side=payout" for name in samples["payout break"]
        ],
        "/feeds/{provider}": ["/feeds/aggregator"],
        **{
            f"/feeds/{{provider}}/{name}": [f"/feeds/aggregator/{name}"]
            for name in ("findings", "files", "pulls")
        },
        "/findings/{id}": [
            f"/findings/{name}" for name in samples["finding"] or [f"1?{ABSENT}"]
        ],
        "/ops/queues/{queue}": ["/ops/queues/post"],
    }


def _searches(samples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """A search for each kind of name, and for amounts of a day."""
    named = {
        f"/find a {kind}": [f"/find?{urlencode({'q': name})}" for name in names]
        for kind, names in samples.items()
        if kind not in _NOT_SEARCHED
    }
    amounts = []
    for sample in samples["amount"]:
        amount, _, day = sample.partition("|")
        amounts.append(f"/find?{urlencode({'q': amount, 'day': day})}")
    return {**named, "/find an amount": amounts}
