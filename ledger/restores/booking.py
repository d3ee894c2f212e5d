"""Book lost callbacks again: same bytes, same key, same rules, and the reply they first had.

An operation is booked only if the rules decide today what we answered then. So a bet that we
accepted on a deposit that is lost, too, is refused until the deposit is there again.

Tables written: ``audit``; the journal by ``ledger.accepting``.
"""

import asyncio
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy import Engine

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.decide import decide
from ledger.accepting.effects import currency_of
from ledger.accepting.first_replies import keep_reply, says, with_recovery
from ledger.accepting.model import Decision, LedgerView, OperationKey, Request
from ledger.enums import OperationKind
from ledger.replay.decode import decode
from ledger.replay.report import ProviderDecoders
from ledger.restores.lost_callbacks import LostCallback
from ledger.restores.recoveries import Recovery
from storage.audit import AuditEntry, record_all
from storage.engine import open_accept_connection, url_of
from storage.transactions import transaction
from vocabulary.errors import Unavailable
from vocabulary.facts import Operation
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict

#: Callbacks of one batch; each batch is one transaction.
BATCH = 200
#: Verdicts that are operations in the books.
_BOOKED = (Verdict.ACCEPTED, Verdict.DECLINED_FUNDS, Verdict.DECLINED_BLOCKED)
_TRANSACTION = re.compile(rb"txn-[0-9]+-[0-9]+(?:-[0-9]+)?")


class _Candidate(NamedTuple):
    """A callback that we acknowledged, as a request with its first reply."""

    line: int
    request: Request
    reply: CallbackReply

    @property
    def key(self) -> OperationKey:
        assert self.request.fact is not None
        return self.request.provider, getattr(self.request.fact, "key", "")


@dataclass(slots=True, kw_only=True)
class RecoveryResult:
    """What became, or would become, of the callbacks of a file.

    Attributes:
        booked: operations that the books lacked.
        known: operations that the books have, or that an earlier line of the file has.
        unacknowledged: callbacks that we did not book then either, such as balance queries.
        refused: by line, why an acknowledged operation is not booked.
    """

    booked: int = 0
    known: int = 0
    unacknowledged: int = 0
    refused: dict[int, str] = field(default_factory=dict)


class LostOperations:
    """The acknowledged operations of a file.

    Args:
        callbacks: in the order in which we answered them.
        decoders: of every configured provider.
        corrected: rounds that a correction mended, see ``corrected_rounds``.
    """

    def __init__(
        self,
        callbacks: Iterable[LostCallback],
        decoders: ProviderDecoders,
        corrected: Mapping[tuple[str, str], str],
    ) -> None:
        self._result = RecoveryResult()
        self._corrected = corrected
        self._candidates: dict[OperationKey, _Candidate] = {}
        self._reasons: dict[OperationKey, str] = {}
        for callback in callbacks:
            self._add(callback, decoders)

    def try_out(self, engine: Engine) -> RecoveryResult:
        """What would be booked now; writes nothing.

        Raises:
            Unavailable: the database is out of reach.
        """
        result, _ = self._tried(engine)
        return result

    def book(
        self, engine: Engine, recovery: Recovery, *, by: str, progress: Callable[[int], None]
    ) -> RecoveryResult:
        """Book what the books lack; booking again books the rest of an interrupted one.

        Raises:
            Unavailable: the database is out of reach.
        """
        result, lacking = self._tried(engine)
        result.booked = 0
        for start in range(0, len(lacking), BATCH):
            batch = lacking[start : start + BATCH]
            marked = [_marked(candidate, recovery) for candidate in batch]
            entries = list(_audit_entries(marked, recovery, by))
            if entries:
                with transaction(engine, "audit") as connection:
                    record_all(connection, entries)
            self._count(batch, asyncio.run(self._accept(engine, marked)), result)
            progress(len(batch))
        return result

    def _add(self, callback: LostCallback, decoders: ProviderDecoders) -> None:
        """Take a callback as a candidate if we acknowledged an operation with it."""
        decoded = decode(callback.row, decoders)
        request = decoded.request
        if request is None:
            self._result.refused[callback.line] = decoded.as_stored or "it cannot be read"
            return
        reply = CallbackReply(callback.row.reply_status, callback.row.reply)
        if not isinstance(request.fact, Operation) or not _acknowledges(reply, request):
            self._result.unacknowledged += 1
            return
        candidate = _Candidate(callback.line, keep_reply(request, reply), reply)
        if callback.row.op_key not in {None, request.fact.key} or (
            candidate.key in self._candidates
        ):
            # Written with another operation of the same bytes, or repeated.
            self._result.known += 1
            return
        self._candidates[candidate.key] = candidate

    def _tried(self, engine: Engine) -> tuple[RecoveryResult, list[_Candidate]]:
        candidates = list(self._candidates.values())
        decisions = asyncio.run(self._accept(engine, candidates, is_trial=True))
        result = dataclasses.replace(self._result, refused=dict(self._result.refused))
        self._count(candidates, decisions, result)
        lacking = [
            candidate
            for candidate, decision in zip(candidates, decisions, strict=True)
            if decision.operations
        ]
        return result, lacking

    async def _accept(
        self, engine: Engine, candidates: Sequence[_Candidate], *, is_trial: bool = False
    ) -> list[Decision]:
        if not candidates:
            return []
        acceptor = Acceptor(
            partial(open_accept_connection, url_of(engine)),
            during_restore=True,
            decide_one=self._decide_as_answered,
            is_trial=is_trial,
        )
        try:
            requests = [candidate.request for candidate in candidates]
            return (await acceptor.accept(requests)).decisions
        finally:
            await acceptor.close()

    def _decide_as_answered(self, view: LedgerView, request: Request) -> Decision:
        """The decision of the rules, without rows unless it is what we answered."""
        decision = decide(view, request)
        assert isinstance(request.fact, Operation)
        key = request.provider, request.fact.key
        own = [row for row in decision.operations if row.kind != OperationKind.TOMBSTONE.value]
        # The rows say which round is booked: a rollback's own bytes may name another one.
        rounds = [(row.provider, row.round_id) for row in own]
        correction = next(filter(None, map(self._corrected.get, rounds)), None)
        if correction is not None:
            self._reasons[key] = f"its round is corrected by {correction}"
        elif len(own) > 1:
            self._reasons[key] = "it repeats operations that the books lack"
        elif own and decision.reply == self._candidates[key].reply:
            return decision
        elif own:
            self._reasons[key] = f"the answer was another one, today it is {decision.verdict}"
        else:
            self._reasons[key] = f"today it is answered {decision.verdict}"
        return Decision(decision.verdict, decision.reply, (), None, None, {})

    def _count(
        self,
        candidates: Sequence[_Candidate],
        decisions: Sequence[Decision],
        result: RecoveryResult,
    ) -> None:
        for candidate, decision in zip(candidates, decisions, strict=True):
            if decision.operations:
                result.booked += 1
            elif decision.verdict is Verdict.REPEATED:
                result.known += 1
            elif decision.recalls:
                raise Unavailable(
                    f"line {candidate.line}: rows that it names are in an archive, and are"
                    " brought back within a minute: run the command again then"
                )
            elif decision.verdict is Verdict.UNAVAILABLE:
                raise Unavailable(
                    f"line {candidate.line} could not be written: run the command again"
                )
            else:
                result.refused[candidate.line] = self._reasons[candidate.key]


def _acknowledges(reply: CallbackReply, request: Request) -> bool:
    """Whether a reply says that an operation is booked, accepted or declined."""
    return any(says(reply, _outcome(verdict, request), request) for verdict in _BOOKED)


def _outcome(verdict: Verdict, request: Request) -> Outcome:
    fact = request.fact
    assert isinstance(fact, Operation)
    money = Money(1, currency_of(fact))
    return Outcome(
        verdict=verdict,
        route=request.route,
        fact=fact,
        transaction_id="txn-1-1" if verdict is Verdict.ACCEPTED else None,
        balance=money,
        turnover=money,
        body=request.body,
    )


def _marked(candidate: _Candidate, recovery: Recovery) -> _Candidate:
    request = candidate.request
    headers = with_recovery(request.headers, recovery.recovery_id)
    return candidate._replace(request=replace(request, headers=headers))


def _audit_entries(
    candidates: Sequence[_Candidate], recovery: Recovery, by: str
) -> Iterator[AuditEntry]:
    """For each id that the provider has, which operation it names and by whom it is booked."""
    for candidate in candidates:
        match = _TRANSACTION.search(candidate.reply.body)
        if match is not None:
            provider, key = candidate.key
            yield AuditEntry(
                actor=by,
                action="operation.recovered",
                subject=match.group().decode(),
                detail={
                    "provider": provider,
                    "operation": key,
                    "recovery": recovery.recovery_id,
                },
            )
