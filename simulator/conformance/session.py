"""One scenario's session: a player, a receiver, and a record of every step.

A step that is not as expected ends the scenario: the state that the next step relies on is not
known any more.
"""

import asyncio
from dataclasses import dataclass, replace

from simulator.conformance.http_client import HttpClient
from simulator.conformance.messages import message_of, signed
from simulator.conformance.response import ProviderResponse, understand
from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks
from simulator.protocol.call_maker import round_of
from simulator.protocol.json_text import WireRequest
from simulator.protocol.messages import Call, CallKind, ReplyKind


class ScriptFailed(Exception):
    """The receiver left the script; the last step says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioStep:
    """One thing done, what had to be seen and what was."""

    sent: str
    expected: str
    seen: str
    passed: bool


class ConformanceSession:
    """Calls one receiver as one provider, about one player.

    Attributes:
        balance: what the player must have now, in minor units.
        steps: everything done so far.
    """

    def __init__(
        self,
        target: ConformanceTarget,
        hooks: LedgerHooks,
        client: HttpClient,
        player: ConformancePlayer,
        tag: str,
    ) -> None:
        """Args: ``tag`` makes the references of this scenario unique at the receiver."""
        self.target = target
        self.hooks = hooks
        self.player = player
        self.balance = player.opening
        self.steps: list[ScenarioStep] = []
        self._client = client
        self._tag = tag
        self._count = 0
        self._responses: dict[bytes, ProviderResponse] = {}

    def fresh(self) -> str:
        """A reference never used before."""
        self._count += 1
        return f"{self._tag}-{self._count}"

    def bet(self, amount: int, *, handle: str = "", currency: str = "") -> Call:
        """A stake of a new round or transaction, in minor units."""
        kind = CallKind.BET_AND_WIN if self.target.system.bets_carry_wins else CallKind.BET
        bet = self.call(kind, self.fresh(), amount, handle=handle, currency=currency)
        return replace(bet, round=round_of(bet)) if self.target.system.shares_rounds else bet

    def win(self, amount: int, bet: Call) -> Call:
        """A payout for a bet, where the protocol lets it say so."""
        if self.target.system.bets_carry_wins:
            return self.call(CallKind.BET_AND_WIN, self.fresh(), 0, payout=amount)
        if self.target.system.shares_rounds:
            win = self.call(CallKind.WIN, self.fresh(), amount, original=bet.reference)
            return replace(win, round=bet.round)
        if not self.target.system.wins_name_bets:
            return self.call(CallKind.WIN, self.fresh(), amount)
        return self.call(CallKind.WIN, bet.reference, amount, stake=bet.amount)

    def rollback(self, undone: Call) -> Call:
        """The undoing of a transaction, under a new id."""
        undo = self.call(
            CallKind.ROLLBACK,
            self.fresh(),
            undone.amount or undone.payout,
            original=undone.reference,
        )
        return replace(undo, round=undone.round)

    def call(
        self,
        kind: CallKind,
        reference: str,
        amount: int,
        *,
        stake: int = 0,
        payout: int = 0,
        original: str = "",
        handle: str = "",
        currency: str = "",
    ) -> Call:
        """Any call, by default about this scenario's player."""
        return Call(
            side=self.target.system,
            kind=kind,
            player=self.player.player,
            handle=handle or self.player.handle,
            currency=currency or self.target.currency,
            reference=reference,
            amount=amount,
            stake=stake,
            payout=payout,
            original=original,
        )

    def signed(self, call: Call) -> WireRequest:
        """The call as the provider sends it."""
        return signed(message_of(call, self.target), self.target)

    async def accepted(
        self, call: Call, *, moves: int, request: WireRequest | None = None
    ) -> None:
        """Must be accepted, with the resulting balance where the protocol names one."""
        request = request or self.signed(call)
        response = await self.ask(request, call.kind)
        self.balance += moves
        named = self.balance if self.target.system.names_balance else None
        shown = "" if named is None else f", balance {self.target.text(named)}"
        stands = response.seen is ReplyKind.SUCCESS and response.balance == named
        self.note(self.words(call), f"success{shown}", response.shown, passed=stands)
        self._responses[request.body] = response

    async def repeated(self, call: Call, *, request: WireRequest | None = None) -> None:
        """Must be answered with the same bytes as the first time, and move nothing."""
        request = request or self.signed(call)
        response = await self.ask(request, call.kind)
        first = self._responses[request.body]
        same = response.reply is not None and response.reply == first.reply
        expected = f"as at first: {first.shown}"
        self.note(f"{self.words(call)} again", expected, response.shown, passed=same)

    async def acknowledged(self, call: Call) -> None:
        """Must be a success although it moves nothing: what it asks for was done before."""
        response = await self.ask(self.signed(call), call.kind)
        passed = response.seen is ReplyKind.SUCCESS
        self.note(f"{self.words(call)} late", "success", response.shown, passed=passed)

    async def turned_down(self, call: Call, seen: ReplyKind, *, remark: str = "") -> None:
        """Must be understood and not accepted: declined, a conflict, or refused."""
        request = self.signed(call)
        response = await self.ask(request, call.kind)
        passed = response.seen is seen and response.is_bare
        passed = passed and response.balance in {None, self.balance}
        expected = f"{seen.value}, no balance"
        if response.balance is not None:
            expected = f"{seen.value}, balance {self.target.text(self.balance)}"
        self.note(f"{self.words(call)}{remark}", expected, response.shown, passed=passed)
        self._responses[request.body] = response

    async def turned_away(self, request: WireRequest, sent: str) -> None:
        """Must be refused as a message, with whatever error, and not be retryable."""
        response = await self.ask(request, CallKind.BET)
        passed = response.turns_away and response.is_bare
        self.note(sent, "refused, no balance", response.shown, passed=passed)

    async def balance_holds(self) -> None:
        """The player must have the balance that results from everything so far."""
        expected = self.target.text(self.balance)
        if self.target.system.asks_balances:
            query = self.call(CallKind.BALANCE, "", 0)
            response = await self.ask(self.signed(query), CallKind.BALANCE)
            self._note_balance("balance query", response.balance, response.shown)
        elif self.hooks.balance is not None:
            balance = await asyncio.to_thread(self.hooks.balance, self.player.player)
            self._note_balance("look into the books", balance, self.target.text(balance))
        elif self.target.system.names_balance:
            response = await self.ask(self.signed(self.bet(0)), CallKind.BET)
            self._note_balance("bet of nothing", response.balance, response.shown)
        else:
            await self._probe(expected)

    async def top_up(self, amount: int) -> None:
        """Make the player richer over the wire."""
        await self.accepted(await self.win_to_come(amount, 0), moves=amount)

    async def win_to_come(self, amount: int, stake: int) -> Call:
        """A win that will be accepted: for a bet that is accepted first, if it names one."""
        bet = self.bet(stake)
        if self.target.wins_need_bets:
            await self.accepted(bet, moves=-stake)
        return self.win(amount, bet)

    async def ask(self, request: WireRequest, kind: CallKind) -> ProviderResponse:
        """Send once and read the response."""
        reply = await self._client.send(self.target.slug, request)
        return understand(reply, self.target, kind)

    def note(self, sent: str, expected: str, seen: str, *, passed: bool) -> None:
        """Record a step.

        Raises:
            ScriptFailed: it was not as expected.
        """
        self.steps.append(ScenarioStep(sent=sent, expected=expected, seen=seen, passed=passed))
        if not passed:
            raise ScriptFailed

    def words(self, call: Call) -> str:
        """The call in a few words."""
        text = self.target.text
        named = f" of {text(call.amount)}" if call.kind is not CallKind.BALANCE else ""
        won = f" with {text(call.payout)} won" if call.payout else ""
        return f"{call.kind.value.replace('_', ' ')}{named}{won} {call.reference}".strip()

    def _note_balance(self, sent: str, balance: int | None, shown: str) -> None:
        expected = f"balance {self.target.text(self.balance)}"
        self.note(sent, expected, shown, passed=balance == self.balance)

    async def _probe(self, expected: str) -> None:
        """Find the balance with one bet above it and one of all of it, which is undone."""
        holds = max(self.balance, 0)
        more = await self.ask(self.signed(self.bet(holds + 1)), CallKind.BET)
        probe = self.bet(holds)
        all_of_it = await self.ask(self.signed(probe), CallKind.BET)
        undone = await self.ask(self.signed(self.rollback(probe)), CallKind.ROLLBACK)
        seen = [response.seen for response in (more, all_of_it, undone)]
        passed = seen == [ReplyKind.DECLINED, ReplyKind.SUCCESS, ReplyKind.SUCCESS]
        shown = " / ".join(response.shown for response in (more, all_of_it, undone))
        self.note(
            "bets of a little more and of all", f"balance {expected}", shown, passed=passed
        )
