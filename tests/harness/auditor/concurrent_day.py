"""Run a day in an unknown order: receivers and posters run concurrently.

The database determines the order. Each wallet's chain is given to an auditor of its own in the
committed order and must have the same operations, balances and tombstones. Every answer to a
booked operation must be the reply stored with it.
"""

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace
from sqlalchemy import Engine

from ledger.accepting.model import Decision
from ledger.accepting.own_operations import OwnOperation, own_operation_fingerprint
from ledger.posting.posting import post
from tests.harness.auditor.books import LATE_SUFFIX, AuditLine
from tests.harness.auditor.comparison import (
    Row,
    WalletName,
    chain_differences,
    chains,
    total_differences,
)
from tests.harness.auditor.day import (
    DayResult,
    new_auditor,
    post_remaining,
    predict,
    request_of,
)
from tests.harness.auditor.receivers import ConnectionPool, Receivers
from tests.harness.auditor.situations import Situation
from tests.harness.auditor.workload import OPENING, RECEIVERS, DayStep, SentFact, batches
from vocabulary.errors import Unavailable
from vocabulary.facts import Fact, Operation, Rollback, RoundEnd, fingerprint
from vocabulary.outcomes import Verdict

POSTERS = 2
#: How often a callback is sent that loses the race for its wallet each time.
SENDS_MAX = 5
#: Identity of a fact in the books: slug, key, fingerprint.
Content = tuple[str, str, bytes]
_WITH_OPERATION = {
    Verdict.ACCEPTED,
    Verdict.REPEATED,
    Verdict.DECLINED_FUNDS,
    Verdict.DECLINED_BLOCKED,
}
Answers = list[tuple[DayStep, Decision]]


async def run_concurrent_day(
    pool: ConnectionPool, engine: Engine, seed: int, steps: Sequence[DayStep], url: str
) -> DayResult:
    """Send each receiver its part of the day concurrently, and post meanwhile."""
    result = DayResult()
    result.situations[Situation.CONCURRENT] += 1
    receivers = Receivers(pool, RECEIVERS)
    parts = [[step for step in steps if step.receiver == n] for n in range(RECEIVERS)]
    finished = asyncio.Event()
    posters = [asyncio.create_task(_post_meanwhile(engine, finished)) for _ in range(POSTERS)]
    try:
        answers = await asyncio.gather(*(_send_part(receivers, part, result) for part in parts))
    finally:
        finished.set()
        await asyncio.gather(*posters)
    receivers.close()
    post_remaining(engine)
    _audit(result, seed, [reply for part in answers for reply in part], steps, url)
    return result


async def _send_part(
    receivers: Receivers, part: Sequence[DayStep], result: DayResult
) -> Answers:
    answers: Answers = []
    for batch in batches(part):
        if batch[0].restarts:
            await receivers.restart(batch[0].receiver)
        pending: Sequence[DayStep] = batch
        for _ in range(SENDS_MAX):
            batch_answers = await _send_batch(receivers, pending, result)
            answers += [answer for answer in batch_answers if not _undecided(answer[1])]
            # A request that loses every race is sent again, as a provider would.
            pending = [step for step, decision in batch_answers if _undecided(decision)]
            if not pending:
                break
        result.differences += [f"{_step_name(step)}: no decision was taken" for step in pending]
    return answers


async def _send_batch(
    receivers: Receivers, batch: Sequence[DayStep], result: DayResult
) -> Answers:
    requests = [request_of(step.sent) for step in batch]
    cut_moment = next((step.cut for step in batch if step.cut is not None), None)
    accepted, _ = await receivers.send(batch[0].receiver, requests, cut_moment)
    result.situations[Situation.RACE_LOST] += accepted.conflicts
    return list(zip(batch, accepted.decisions, strict=True))


def _undecided(decision: Decision) -> bool:
    return decision.verdict is Verdict.UNAVAILABLE


def _step_name(step: DayStep) -> str:
    return f"step {step.number}, {step.sent.slug} {step.sent.fact}"


async def _post_meanwhile(engine: Engine, finished: asyncio.Event) -> None:
    while not finished.is_set():
        # A poster that lost a deadlock raises Unavailable and posts again.
        with suppress(Unavailable):
            await asyncio.to_thread(post, engine, limit=3)
        await asyncio.sleep(0.001)


def _audit(
    result: DayResult, seed: int, answers: Answers, steps: Sequence[DayStep], url: str
) -> None:
    stored = chains(url, seed)
    result.operations = sum(len(chain) for chain in stored.values())
    sent = {content: fact for step in steps for content, fact in _contents(step.sent)}
    expected_chains: list[list[AuditLine]] = []
    for wallet in stored:
        expected = _expected_chain(seed, stored, wallet, sent)
        result.differences += chain_differences({wallet: stored[wallet]}, {wallet: expected})
        expected_chains.append(expected)
    result.differences += _answer_differences(stored, answers)
    result.differences += total_differences(url, seed, OPENING, expected_chains)


def _expected_chain(
    seed: int,
    stored: Mapping[WalletName, list[Row]],
    wallet: WalletName,
    sent: Mapping[Content, SentFact],
) -> list[AuditLine]:
    """The chain of an auditor that takes the wallet's operations in the committed order."""
    auditor = new_auditor(seed)
    elsewhere = {
        tuple(row[:2]) for name, chain in stored.items() if name != wallet for row in chain
    }
    for slug, key, kind, *_, content, _, received_at in stored[wallet]:
        if kind != "tombstone":
            original = sent[slug, key.removesuffix(LATE_SUFFIX), bytes(content)]
            fact = _as_stored(original.fact, slug, key, elsewhere)
            predict(auditor, SentFact(slug, fact, received_at))
    return auditor.chains[wallet]


def _as_stored(
    fact: Fact | OwnOperation | None, slug: str, key: str, elsewhere: set[tuple[str, ...]]
) -> Fact | OwnOperation | None:
    """The fact as it was booked; a round end implies nothing booked in another wallet."""
    if isinstance(fact, Rollback | RoundEnd):
        # It may be booked beside a tombstone, even one of another wallet.
        fact = replace(fact, key=key)
    if not isinstance(fact, RoundEnd):
        return fact
    implied = tuple(x for x in fact.implied if (slug, x.key) not in elsewhere)
    return replace(fact, implied=implied)


def _contents(sent: SentFact) -> Iterator[tuple[Content, SentFact]]:
    fact = sent.fact
    if isinstance(fact, Operation):
        yield (sent.slug, fact.key, fingerprint(fact)), sent
    elif isinstance(fact, OwnOperation):
        yield (sent.slug, fact.key, own_operation_fingerprint(fact)), sent
    for implied in fact.implied if isinstance(fact, RoundEnd) else ():
        yield from _contents(dataclasses.replace(sent, fact=implied))


def _answer_differences(stored: Mapping[WalletName, list[Row]], answers: Answers) -> list[str]:
    replies = {
        (row[0], row[1].removesuffix(LATE_SUFFIX), bytes(row[8])): bytes(row[9])
        for chain in stored.values()
        for row in chain
    }
    differences = []
    for step, decision in answers:
        for content, _ in list(_contents(step.sent))[:1]:
            if (
                decision.verdict in _WITH_OPERATION
                and replies.get(content) != decision.reply.body
            ):
                differences.append(
                    f"{_step_name(step)}: the answer {decision.reply.body!r}"
                    " is not the stored reply"
                )
    return differences
