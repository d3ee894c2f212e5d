"""Live a day whose order nobody knows: receivers and posters really at once.

The database chooses the order. Each wallet's chain, heard by an auditor of its own in the order
it was committed, must come out with the same places, balances and tombstones; and whoever was
told that something stands was told what the books hold.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import Engine

from ledger.accepting.model import Decision
from ledger.accepting.own_operations import OwnOperation, own_operation_fingerprint
from ledger.posting.posting import post
from tests.harness.auditor.books import BESIDE, Line
from tests.harness.auditor.day import Lived, an_auditor, hear, post_the_rest, request_of
from tests.harness.auditor.reading import (
    Row,
    WalletName,
    chain_differences,
    chains,
    total_differences,
)
from tests.harness.auditor.situations import Situation
from tests.harness.auditor.workload import OPENING, RECEIVERS, Said, Step, batches
from tests.harness.servers.side_by_side import Desk, Pool
from vocabulary.errors import Unavailable
from vocabulary.facts import Fact, Operation, Rollback, RoundEnd, fingerprint
from vocabulary.outcomes import Verdict

POSTERS = 2
#: How often a callback is sent that every time loses the race for its wallet.
TOLD_MAX = 5
#: What the books know a fact by: slug, key, fingerprint.
Content = tuple[str, str, bytes]
_STANDS = {Verdict.ACCEPTED, Verdict.REPEATED, Verdict.DECLINED_FUNDS, Verdict.DECLINED_BLOCKED}
Answered = list[tuple[Step, Decision]]


async def live_at_once(
    pool: Pool, engine: Engine, seed: int, steps: Sequence[Step], url: str
) -> Lived:
    """Tell each receiver its part of the day while others are told theirs, and post."""
    lived = Lived()
    lived.saw[Situation.AT_ONCE] += 1
    desk = Desk(pool, RECEIVERS)
    parts = [[step for step in steps if step.receiver == n] for n in range(RECEIVERS)]
    done = asyncio.Event()
    posting = [asyncio.create_task(_post_meanwhile(engine, done)) for _ in range(POSTERS)]
    try:
        told = await asyncio.gather(*(_tell(desk, part, lived) for part in parts))
    finally:
        done.set()
        await asyncio.gather(*posting)
    desk.leave()
    post_the_rest(engine)
    _audit(lived, seed, [one for part in told for one in part], steps, url)
    return lived


async def _tell(desk: Desk, part: Sequence[Step], lived: Lived) -> Answered:
    answered: Answered = []
    for batch in batches(part):
        if batch[0].restarts:
            await desk.restart(batch[0].receiver)
        left: Sequence[Step] = batch
        for _ in range(TOLD_MAX):
            told = await _tell_once(desk, left, lived)
            answered += [each for each in told if not _undecided(each[1])]
            # Who loses every race is asked to send again, and does, as a provider would.
            left = [step for step, decided in told if _undecided(decided)]
            if not left:
                break
        lived.differences += [f"{_where(step)}: no decision was taken" for step in left]
    return answered


async def _tell_once(desk: Desk, batch: Sequence[Step], lived: Lived) -> Answered:
    requests = [request_of(step.said) for step in batch]
    asked = next((step.cut for step in batch if step.cut is not None), None)
    accepted, _ = await desk.tell(batch[0].receiver, requests, asked)
    lived.saw[Situation.RACE_LOST] += accepted.conflicts
    return list(zip(batch, accepted.decisions, strict=True))


def _undecided(decided: Decision) -> bool:
    return decided.verdict is Verdict.UNAVAILABLE


def _where(step: Step) -> str:
    return f"step {step.number}, {step.said.slug} {step.said.what}"


async def _post_meanwhile(engine: Engine, done: asyncio.Event) -> None:
    while not done.is_set():
        # A poster that lost a deadlock to the other says Unavailable, and is called again.
        with suppress(Unavailable):
            await asyncio.to_thread(post, engine, limit=3)
        await asyncio.sleep(0.001)


def _audit(
    lived: Lived, seed: int, answered: Answered, steps: Sequence[Step], url: str
) -> None:
    told = chains(url, seed)
    lived.operations = sum(len(chain) for chain in told.values())
    said = {content: one for step in steps for content, one in _contents(step.said)}
    heard: list[list[Line]] = []
    for wallet in told:
        expected = _heard(seed, told, wallet, said)
        lived.differences += chain_differences({wallet: told[wallet]}, {wallet: expected})
        heard.append(expected)
    lived.differences += _answer_differences(told, answered)
    lived.differences += total_differences(url, seed, OPENING, heard)


def _heard(
    seed: int,
    told: Mapping[WalletName, list[Row]],
    wallet: WalletName,
    said: Mapping[Content, Said],
) -> list[Line]:
    """The wallet's chain as an auditor writes it who hears what was committed, in order."""
    auditor = an_auditor(seed)
    elsewhere = {
        tuple(row[:2]) for other, chain in told.items() if other != wallet for row in chain
    }
    for slug, key, kind, *_, content, _, at in told[wallet]:
        if kind != "tombstone":
            one = said[slug, key.removesuffix(BESIDE), bytes(content)]
            hear(auditor, Said(slug, _stood(one.what, slug, key, elsewhere), at))
    return auditor.chains[wallet]


def _stood(
    what: Fact | OwnOperation | None, slug: str, key: str, elsewhere: set[tuple[str, ...]]
) -> Fact | OwnOperation | None:
    """As it stands; a round end implies nothing that stands in another wallet."""
    if isinstance(what, Rollback | RoundEnd):
        # Beside a tombstone, which may be another wallet's.
        what = replace(what, key=key)
    if not isinstance(what, RoundEnd):
        return what
    implied = tuple(one for one in what.implied if (slug, one.key) not in elsewhere)
    return replace(what, implied=implied)


def _contents(said: Said) -> Iterator[tuple[Content, Said]]:
    what = said.what
    if isinstance(what, Operation):
        yield (said.slug, what.key, fingerprint(what)), said
    elif isinstance(what, OwnOperation):
        yield (said.slug, what.key, own_operation_fingerprint(what)), said
    for implied in what.implied if isinstance(what, RoundEnd) else ():
        yield from _contents(replace(said, what=implied))


def _answer_differences(told: Mapping[WalletName, list[Row]], answered: Answered) -> list[str]:
    replies = {
        (row[0], row[1].removesuffix(BESIDE), bytes(row[8])): bytes(row[9])
        for chain in told.values()
        for row in chain
    }
    found = []
    for step, decided in answered:
        for content, _ in list(_contents(step.said))[:1]:
            if decided.verdict in _STANDS and replies.get(content) != decided.answer.body:
                found.append(
                    f"{_where(step)}: told {decided.answer.body!r}, not what the books hold"
                )
    return found
