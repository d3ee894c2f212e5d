"""Run one seed's day on a database and compare the books with the auditor."""

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
from tests.harness.auditor.books import OWN, AuditLimits, AuditWallet, ExpectedReply
from tests.harness.auditor.comparison import (
    chain_differences,
    chains,
    total_differences,
    wallet_differences,
)
from tests.harness.auditor.receivers import ConnectionPool, Receivers
from tests.harness.auditor.situations import Situation
from tests.harness.auditor.workload import (
    CURRENCIES,
    OPENING,
    PLAYERS,
    RECEIVERS,
    RULES,
    Cut,
    DayStep,
    SentFact,
    batches,
    opening_rows,
    players_by_handle,
    policies,
)
from tests.harness.books.ledger import render_answer
from tests.harness.currencies import CRYPTO
from vocabulary.ids import transaction_position
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

_POLICIES = policies()
_COMPARED_IN_FULL = {Verdict.ACCEPTED, Verdict.REPEATED, Verdict.BALANCE}
_COMPARED_IN_FULL |= {Verdict.DECLINED_FUNDS, Verdict.DECLINED_BLOCKED}


@dataclass(slots=True)
class DayResult:
    """The result of a day; without differences it passed."""

    differences: list[str] = field(default_factory=list)
    situations: Counter[Situation] = field(default_factory=Counter)
    operations: int = 0


def new_auditor(seed: int) -> Auditor:
    """An auditor with the wallets of the day's players."""
    wallets = [
        AuditWallet(f"{seed}.{player}", currency, balance=OPENING)
        for player in PLAYERS
        for currency in CURRENCIES
    ]
    return Auditor(RULES, wallets, players_by_handle(seed))


def open_books(engine: Engine, seed: int) -> None:
    """Import the day's players."""
    import_players(engine, opening_rows(seed))


def request_of(sent: SentFact) -> Request:
    """The receiver's request for a sent fact."""
    own = sent.slug == OWN
    return Request(
        provider=OWN_SLUG if own else sent.slug,
        policy=_POLICIES["aggregator" if own else sent.slug],
        fact=sent.fact,
        route="/callback",
        headers="",
        body=repr(sent.fact).encode(errors="backslashreplace"),
        received_at=sent.received_at,
        respond=render_answer,
    )


def predict(auditor: Auditor, sent: SentFact) -> ExpectedReply:
    """The auditor's reply to a sent fact."""
    at = sent.received_at
    match sent.fact:
        case Deposit(key=key, handle=player, amount=amount, fund=fund):
            return auditor.fund(player, amount, key, at, fund)
        case Withdrawal(key=key, handle=player, amount=amount):
            return auditor.fund(player, Money(-amount.minor, amount.currency), key, at)
        case SetBlocked(key=key, handle=player, currency=currency, blocked=blocked):
            return auditor.block(player, currency, key, at, blocked=blocked)
        case Exclude(key=key, handle=player, currency=currency, until=until):
            return auditor.exclude(player, currency, key, at, until)
        case Limit(key=key, handle=player, currency=currency) as limit:
            limits = AuditLimits(stake=limit.stake, turnover=limit.turnover, loss=limit.loss)
            return auditor.limit(player, currency, key, at, limits)
        case Adjust(key=key, handle=player, amount=amount, fund=fund, within=within):
            round_side = None if within is None else (within.round_id, within.side)
            return auditor.adjust(sent.slug, player, amount, key, at, fund, round_side)
        case fact:
            return auditor.predict(sent.slug, fact, at)


async def run_day(
    pool: ConnectionPool, engine: Engine, seed: int, steps: Sequence[DayStep], url: str
) -> DayResult:
    """Run a day in a known order: the auditor predicts everything.

    The players must be imported. Batches go to several receivers one after another, so a
    receiver's cache is often outdated.
    """
    result, auditor = DayResult(), new_auditor(seed)
    receivers = Receivers(pool, RECEIVERS)
    for batch in batches(steps):
        await _send(receivers, batch, auditor, result)
        if batch[-1].post:
            post(engine, limit=batch[-1].post)
            result.situations[Situation.POSTED_MIDWAY] += 1
    receivers.close()
    result.situations += auditor.situations
    result.situations[Situation.CLOCK_WENT_BACK] += _backward_steps(steps)
    _compare(result, auditor, engine, seed, url)
    return result


async def _send(
    receivers: Receivers, batch: Sequence[DayStep], auditor: Auditor, result: DayResult
) -> None:
    receiver = batch[0].receiver
    if batch[0].restarts:
        await receivers.restart(receiver)
        result.situations[Situation.RESTARTED] += 1
    cut_moment = next((step.cut for step in batch if step.cut is not None), None)
    requests = [request_of(step.sent) for step in batch]
    accepted, cut = await receivers.send(receiver, requests, cut_moment)
    result.situations[Situation.RACE_LOST] += accepted.conflicts
    if cut is not None:
        result.situations[
            Situation.CUT_AFTER if cut is Cut.AFTER else Situation.CUT_BEFORE
        ] += 1
    if cut is Cut.AFTER:
        # The whole batch was committed before the cut and is sent again.
        for step in batch:
            predict(auditor, step.sent)
    replies = [predict(auditor, step.sent) for step in batch]
    result.differences += [
        f"step {step.number}, {step.sent.slug} {step.sent.fact}: {text}"
        for step, decision, reply in zip(batch, accepted.decisions, replies, strict=True)
        if (text := answer_difference(decision, reply))
    ]


def answer_difference(decision: Decision, reply: ExpectedReply) -> str | None:
    """How an answer differs from the expected reply, or None."""
    if decision.verdict is not reply.verdict:
        return f"the ledger sent {decision.verdict}, the auditor says {reply.verdict}"
    if reply.verdict not in _COMPARED_IN_FULL:
        return None
    body = json.loads(decision.reply.body)
    transaction = body["transaction"]
    seq = None if transaction is None else transaction_position(transaction).wallet_seq - 1
    actual = (body["verdict"], seq, body["balance"], body["turnover"])
    expected = (
        reply.body_verdict.value,
        reply.seq,
        _text(reply.balance),
        _text(reply.turnover),
    )
    if actual == expected:
        return None
    return f"the answer is {actual}, the auditor says {expected}"


def _text(money: Money | None) -> str | None:
    return None if money is None else money.text(exponents=CRYPTO)


def _backward_steps(steps: Sequence[DayStep]) -> int:
    times = [step.sent.received_at for step in steps]
    return sum(after < before for before, after in pairwise(times))


def _compare(result: DayResult, auditor: Auditor, engine: Engine, seed: int, url: str) -> None:
    post_remaining(engine)
    stored = chains(url, seed)
    result.operations = sum(len(chain) for chain in stored.values())
    result.differences += chain_differences(stored, auditor.chains)
    result.differences += wallet_differences(url, seed, auditor.wallets.values())
    result.differences += total_differences(url, seed, OPENING, auditor.chains.values())


def post_remaining(engine: Engine) -> None:
    """Post until nothing is left."""
    while (posted := post(engine)).batches or posted.parked:
        continue
