"""The simulator's expectations agree with the ledger: two independent implementations.

The simulator signs whole plans; the dialects verify, parse and answer them, and the ledger
decides, without a server or a database.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.accepting.decide import decide
from ledger.accepting.model import (
    Decision,
    KnownOperation,
    LedgerView,
    OperationKey,
    Request,
    Wallet,
)
from providers.contract import Callback, Provider
from providers.registry import DIALECTS
from simulator.history.faults import inject
from simulator.history.statements import write_statement
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import RunSpan
from simulator.protocol.messages import CallKind, ReplyKind, ScriptStep, Side
from simulator.protocol.responses import Reply, read
from simulator.protocol.system import System
from simulator.scenarios.plan import Plan, make_plan
from simulator.systems.aggregator.push import pushes
from simulator.systems.registry import SYSTEMS
from tests.harness.currencies import CRYPTO
from tests.harness.providers.statement_lines import statement_lines
from tests.harness.providers.systems import (
    AGGREGATOR,
    ALL_SYSTEMS,
    configuration,
    name_of,
    request_for,
)
from vocabulary.facts import HistoryRecord

SECRET = b"a shared secret"
NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
FINAL = {ReplyKind.SUCCESS, ReplyKind.DECLINED}
ALL = tuple(system for system in ALL_SYSTEMS if system.name in DIALECTS)


class MemoryReceiver:
    """A receiver in memory, without transport."""

    def __init__(self, plan: Plan) -> None:
        wallets = {
            number: Wallet(number, player.player, player.currency, player.opening, 0, 0, False)
            for number, player in enumerate(plan.players)
        }
        players = {
            (side.name, player.handles[side]): {player.currency: number}
            for number, player in enumerate(plan.players)
            for side in ALL
        }
        strangers = {(s.name, f"s{plan.seed}-nobody"): None for s in ALL}
        self.wallets = wallets
        self._players = {**players, **strangers}
        self._operations: dict[OperationKey, KnownOperation] = {}
        self._providers: dict[Side, Provider] = {side: _provider(side) for side in ALL}

    def answer(self, step: ScriptStep) -> Decision:
        """Verify, parse, decide and answer one call."""
        side = step.call.side
        dialect, provider = DIALECTS[side.name], self._providers[side]
        signed = request_for(step.call, SECRET)
        headers = {name.lower(): value for name, value in signed.headers.items()}
        callback = Callback(route=signed.route, headers=headers, body=signed.body)
        verified = dialect.verify(callback, provider)
        request = Request(
            provider=side.name,
            policy=dialect.policy(provider.options),
            fact=dialect.parse(verified, provider),
            route=callback.route,
            headers="",
            body=callback.body,
            received_at=NOON,
            respond=lambda outcome: dialect.respond(outcome, provider),
        )
        decision = decide(LedgerView(self.wallets, self._players, self._operations), request)
        self._store(decision)
        return decision

    def _store(self, decision: Decision) -> None:
        if decision.wallet is not None and decision.operations:
            self.wallets[decision.wallet.wallet_id] = decision.wallet
            self._operations.update(decision.changes)


def _provider(side: Side) -> Provider:
    options = {name: option.default for name, option in DIALECTS[side.name].options.items()}
    secret = SYSTEMS[side.name].secret_of(SECRET)
    return Provider(
        slug=side.name, currency="USD", exponents=CRYPTO, secrets=(secret,), options=options
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), callbacks=st.integers(1, 250), players=st.integers(1, 12))
def test_every_answer_and_every_final_balance_is_the_expected_one(
    seed: int, callbacks: int, players: int
) -> None:
    plan = make_plan(
        seed=seed, callbacks=callbacks, players=players, systems=ALL, currency="USD"
    )
    receiver = MemoryReceiver(plan)
    first: dict[tuple[Side, str], bytes] = {}
    for step in plan.steps:
        for _ in range(step.copies):
            reply = receiver.answer(step).reply
            reading = read(
                Reply(reply.status, reply.body),
                system=SYSTEMS[step.call.side.name],
                kind=step.call.kind,
                configuration=configuration(SYSTEMS[step.call.side.name]),
            )
            assert reading.seen is step.expected.seen, (step, reply)
            if reading.balance is not None:
                assert reading.balance == step.expected.balance
            if step.call.key is not None and step.expected.seen in FINAL:
                key = (step.call.side, step.call.key)
                assert first.setdefault(key, reply.body) == reply.body
    balances = {wallet.player: wallet.balance for wallet in receiver.wallets.values()}
    assert balances == plan.balances


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), faults=st.integers(0, 30))
def test_faults_change_only_their_own_rounds(seed: int, faults: int) -> None:
    plan = make_plan(seed=seed, callbacks=200, players=5, systems=ALL, currency="USD")
    lines = history_of(plan)
    lines_with_faults, injected = inject(lines, seed=seed, faults=faults)
    hit = {(fault.side, fault.round_id) for fault in injected}
    assert len(hit) == len(injected) <= faults
    moving = [line for line in lines_with_faults if line.kind is not CallKind.ROLLBACK]
    assert all(line.payout >= 0 and line.stake >= 0 for line in moving)
    for side, round_id in {(x.side, x.round_id) for x in (*lines, *lines_with_faults)}:
        true = [x for x in lines if (x.side, x.round_id) == (side, round_id)]
        faulty = [x for x in lines_with_faults if (x.side, x.round_id) == (side, round_id)]
        assert (true != faulty) is ((side, round_id) in hit)


@pytest.mark.parametrize("callbacks", [1500])
def test_pushed_history_is_parsed_as_sent(callbacks: int) -> None:
    plan = make_plan(seed=6, callbacks=callbacks, players=9, systems=ALL, currency="USD")
    lines_with_faults, _ = inject(history_of(plan), seed=6, faults=20)
    provider, dialect = _provider(AGGREGATOR), DIALECTS["aggregator"]
    newest: dict[str, HistoryRecord] = {}
    span = RunSpan(NOON, NOON, len(plan.steps))
    pushed = [line for line in lines_with_faults if line.side is AGGREGATOR]
    for requests in pushes(pushed, 6, span, SECRET):
        for push in requests:
            callback = Callback(
                route=push.route, headers={"content-type": "application/json"}, body=push.body
            )
            record = dialect.parse(dialect.verify(callback, provider), provider)
            assert isinstance(record, HistoryRecord)
            previous = newest.get(record.record_id)
            if previous is None or record.updated_at > previous.updated_at:
                newest[record.record_id] = record
    expected = {line.record_id: line for line in lines_with_faults if line.side is AGGREGATOR}
    assert set(newest) == set(expected)
    for line in expected.values():
        record = newest[line.record_id]
        assert record.declared_net is not None
        assert (record.round_id, record.handle) == (line.round_id, line.handle)
        assert (record.stake.minor, record.payout.minor) == (line.stake, line.payout)
        assert record.declared_net.minor == line.net


@pytest.mark.parametrize(
    "side", [side for side in ALL if side.statement is not None], ids=name_of
)
def test_statement_files_are_parsed_as_written(side: System, tmp_path: Path) -> None:
    plan = make_plan(seed=8, callbacks=1500, players=9, systems=ALL, currency="USD")
    lines_with_faults, _ = inject(history_of(plan), seed=8, faults=20)
    path = tmp_path / "history"
    write_statement(path, side, lines_with_faults, RunSpan(NOON, NOON, len(plan.steps)))
    with path.open("rb") as stream:
        records = list(statement_lines(DIALECTS[side.name], _provider(side), stream))
    expected = [line for line in lines_with_faults if line.side is side]
    assert len(records) == len(expected)
    for record, line in zip(records, expected, strict=True):
        assert isinstance(record, HistoryRecord), record
        assert (record.record_id, record.round_id) == (line.record_id, line.round_id)
        # A rolled back line keeps what it took back, which counts for nothing.
        counted = not record.rolled_back
        moved = (record.stake.minor * counted, record.payout.minor * counted)
        assert moved == (line.stake, line.payout)
        assert (record.handle, record.rolled_back) == (line.handle, line.rolled_back)
