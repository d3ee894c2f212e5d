"""Live one seed's day on a database and say where the books and the auditor part."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import Engine

from ledger.accepting.model import Decision, Request
from ledger.accepting.own_operations import (
    Adjust,
    Deposit,
    Exclude,
    Limit,
    SetBlocked,
    Withdrawal,
)
from ledger.enums import OWN_SLUG
from ledger.players.importer import import_players
from ledger.posting.posting import post
from tests.harness.auditor.auditor import Auditor
from tests.harness.auditor.books import OURS, Limits, Purse, Reply
from tests.harness.auditor.reading import (
    chain_differences,
    chains,
    total_differences,
    wallet_differences,
)
from tests.harness.auditor.situations import Situation
from tests.harness.auditor.workload import (
    CURRENCIES,
    OPENING,
    PLAYERS,
    RECEIVERS,
    RULES,
    Cut,
    Said,
    Step,
    batches,
    names_of,
    opening_rows,
    policies,
)
from tests.harness.books.ledger import render_answer
from tests.harness.servers.side_by_side import Desk, Pool
from vocabulary.ids import chain_position
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

_POLICIES = policies()
_TOLD_EXACTLY = {Verdict.ACCEPTED, Verdict.REPEATED, Verdict.BALANCE}
_TOLD_EXACTLY |= {Verdict.DECLINED_FUNDS, Verdict.DECLINED_BLOCKED}


@dataclass(slots=True)
class Lived:
    """What came of a day: nothing differs when all is well."""

    differences: list[str] = field(default_factory=list)
    saw: Counter[Situation] = field(default_factory=Counter)
    operations: int = 0


def an_auditor(seed: int) -> Auditor:
    """An auditor of the day's players, who opens the same wallets."""
    purses = [
        Purse(f"{seed}.{player}", currency, balance=OPENING)
        for player in PLAYERS
        for currency in CURRENCIES
    ]
    return Auditor(RULES, purses, names_of(seed))


def open_books(engine: Engine, seed: int) -> None:
    """Import the day's players."""
    import_players(engine, opening_rows(seed))


def request_of(said: Said) -> Request:
    """What the receiver makes of what was said."""
    own = said.slug == OURS
    return Request(
        provider=OWN_SLUG if own else said.slug,
        policy=_POLICIES["aggregator" if own else said.slug],
        fact=said.what,
        route="/callback",
        headers="",
        body=repr(said.what).encode(errors="backslashreplace"),
        received_at=said.at,
        respond=render_answer,
    )


def hear(auditor: Auditor, said: Said) -> Reply:
    """Tell the auditor in its own words."""
    at = said.at
    match said.what:
        case Deposit(key=key, handle=player, amount=amount, fund=fund):
            return auditor.fund(player, amount, key, at, fund)
        case Withdrawal(key=key, handle=player, amount=amount):
            return auditor.fund(player, Money(-amount.minor, amount.currency), key, at)
        case SetBlocked(key=key, handle=player, currency=currency, blocked=blocked):
            return auditor.block(player, currency, key, at, blocked=blocked)
        case Exclude(key=key, handle=player, currency=currency, until=until):
            return auditor.exclude(player, currency, key, at, until)
        case Limit(key=key, handle=player, currency=currency) as one:
            limits = Limits(stake=one.stake, turnover=one.turnover, loss=one.loss)
            return auditor.limit(player, currency, key, at, limits)
        case Adjust(key=key, handle=player, amount=amount, fund=fund, within=within):
            inside = None if within is None else (within.round_id, within.side)
            return auditor.adjust(said.slug, player, amount, key, at, fund, inside)
        case fact:
            return auditor.hear(said.slug, fact, at)


async def live(pool: Pool, engine: Engine, seed: int, steps: Sequence[Step], url: str) -> Lived:
    """A day whose order is known: the auditor predicts everything.

    The players are there already. Batches go to several receivers one after another, so that
    each often decides on what another has changed behind its back.
    """
    lived, auditor = Lived(), an_auditor(seed)
    desk = Desk(pool, RECEIVERS)
    for batch in batches(steps):
        await _tell(desk, batch, auditor, lived)
        if batch[-1].post:
            post(engine, limit=batch[-1].post)
            lived.saw[Situation.POSTED_MIDWAY] += 1
    desk.leave()
    lived.saw += auditor.saw
    lived.saw[Situation.CLOCK_WENT_BACK] += _went_back(steps)
    _compare(lived, auditor, engine, seed, url)
    return lived


async def _tell(desk: Desk, batch: Sequence[Step], auditor: Auditor, lived: Lived) -> None:
    receiver = batch[0].receiver
    if batch[0].restarts:
        await desk.restart(receiver)
        lived.saw[Situation.RESTARTED] += 1
    asked = next((step.cut for step in batch if step.cut is not None), None)
    requests = [request_of(step.said) for step in batch]
    accepted, cut = await desk.tell(receiver, requests, asked)
    lived.saw[Situation.RACE_LOST] += accepted.conflicts
    if cut is not None:
        lived.saw[Situation.CUT_AFTER if cut is Cut.AFTER else Situation.CUT_BEFORE] += 1
    if cut is Cut.AFTER:
        # All of it was committed before the cut, and is said again: the last replies count.
        for step in batch:
            hear(auditor, step.said)
    replies = [hear(auditor, step.said) for step in batch]
    lived.differences += [
        f"step {step.number}, {step.said.slug} {step.said.what}: {found}"
        for step, decided, reply in zip(batch, accepted.decisions, replies, strict=True)
        if (found := difference(decided, reply))
    ]


def difference(decided: Decision, reply: Reply) -> str | None:
    """Where an answer is not the predicted reply."""
    if decided.verdict is not reply.verdict:
        return f"the ledger said {decided.verdict}, the auditor says {reply.verdict}"
    if reply.verdict not in _TOLD_EXACTLY:
        return None
    told = json.loads(decided.answer.body)
    ours = told["transaction"]
    place = None if ours is None else chain_position(ours)[1] - 1
    heard = (told["verdict"], place, told["balance"], told["turnover"])
    expected = (reply.told.value, reply.place, _text(reply.balance), _text(reply.turnover))
    if heard == expected:
        return None
    return f"the answer tells {heard}, the auditor says {expected}"


def _text(money: Money | None) -> str | None:
    return None if money is None else money.text()


def _went_back(steps: Sequence[Step]) -> int:
    times = [step.said.at for step in steps]
    return sum(after < before for before, after in pairwise(times))


def _compare(lived: Lived, auditor: Auditor, engine: Engine, seed: int, url: str) -> None:
    post_the_rest(engine)
    told = chains(url, seed)
    lived.operations = sum(len(chain) for chain in told.values())
    lived.differences += chain_differences(told, auditor.chains)
    lived.differences += wallet_differences(url, seed, auditor.purses.values())
    lived.differences += total_differences(url, seed, OPENING, auditor.chains.values())


def post_the_rest(engine: Engine) -> None:
    """Post until nothing is left."""
    while (posted := post(engine)).batches or posted.parked:
        continue
