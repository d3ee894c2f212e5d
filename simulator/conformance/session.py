"""One scenario's stage: a player, a receiver, and a record of every step.

A step that is not as expected ends the scenario: what follows would be judged on a state that
is not known any more.
"""

import asyncio
from dataclasses import dataclass
from typing import NoReturn

from simulator.conformance.http_client import HttpClient
from simulator.conformance.messages import message_of, signed
from simulator.conformance.response import ProviderResponse, hear
from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks
from simulator.protocol.json_text import WireRequest
from simulator.protocol.messages import Call, CallKind, ProviderSystem, ReplyKind


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
    """Speaks for one provider to one receiver about one player.

    Attributes:
        balance: what the player must have now, in minor units.
        steps: everything done so far.
    """

    def __init__(
        self,
        subject: ConformanceTarget,
        hooks: LedgerHooks,
        knocker: HttpClient,
        guest: ConformancePlayer,
        tag: str,
    ) -> None:
        """Args: ``tag`` makes the references of this scenario unique at the receiver."""
        self.subject = subject
        self.hooks = hooks
        self.guest = guest
        self.balance = guest.opening
        self.steps: list[ScenarioStep] = []
        self._knocker = knocker
        self._tag = tag
        self._count = 0
        self._answers: dict[bytes, ProviderResponse] = {}

    def fresh(self) -> str:
        """A reference never used before."""
        self._count += 1
        return f"{self._tag}-{self._count}"

    def bet(self, amount: int, *, handle: str = "", currency: str = "") -> Call:
        """A stake of a new round or transaction, in minor units."""
        kind = CallKind.BET_AND_WIN if self.subject.is_one_unit else CallKind.BET
        return self.call(kind, self.fresh(), amount, handle=handle, currency=currency)

    def win(self, amount: int, bet: Call) -> Call:
        """A payout for a bet, where the protocol lets it say so."""
        if self.subject.is_one_unit:
            return self.call(CallKind.BET_AND_WIN, self.fresh(), 0, payout=amount)
        if self.subject.side is ProviderSystem.SPORTSBOOK:
            return self.call(CallKind.WIN, self.fresh(), amount)
        return self.call(CallKind.WIN, bet.reference, amount, stake=bet.amount)

    def rollback(self, undone: Call) -> Call:
        """The undoing of a transaction, under a new id."""
        return self.call(
            CallKind.ROLLBACK,
            self.fresh(),
            undone.amount or undone.payout,
            original=undone.reference,
        )

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
            side=self.subject.side,
            kind=kind,
            player=self.guest.player,
            handle=handle or self.guest.handle,
            currency=currency or self.subject.currency,
            reference=reference,
            amount=amount,
            stake=stake,
            payout=payout,
            original=original,
        )

    def signed(self, call: Call) -> WireRequest:
        """The call as the provider sends it."""
        return signed(message_of(call, self.subject), self.subject)

    async def accepted(
        self, call: Call, *, moves: int, request: WireRequest | None = None
    ) -> None:
        """Must stand, with the balance it leaves where the protocol names one."""
        request = request or self.signed(call)
        heard = await self.ask(request, call.kind)
        self.balance += moves
        named = None if self.subject.side is ProviderSystem.SPORTSBOOK else self.balance
        shown = "" if named is None else f", balance {self.subject.text(named)}"
        stands = heard.seen is ReplyKind.SUCCESS and heard.balance == named
        self.note(self.words(call), f"success{shown}", heard.shown, passed=stands)
        self._answers[request.body] = heard

    async def repeated(self, call: Call, *, request: WireRequest | None = None) -> None:
        """Must be answered with the very bytes of the first time, and move nothing."""
        request = request or self.signed(call)
        heard = await self.ask(request, call.kind)
        first = self._answers[request.body]
        same = heard.reply is not None and heard.reply == first.reply
        expected = f"as at first: {first.shown}"
        self.note(f"{self.words(call)} again", expected, heard.shown, passed=same)

    async def acknowledged(self, call: Call) -> None:
        """Must be a success although it moves nothing: what it asks for was done before."""
        heard = await self.ask(self.signed(call), call.kind)
        passed = heard.seen is ReplyKind.SUCCESS
        self.note(f"{self.words(call)} late", "success", heard.shown, passed=passed)

    async def turned_down(self, call: Call, seen: ReplyKind, *, said: str = "") -> None:
        """Must be understood and not stand: declined, a conflict, or refused."""
        request = self.signed(call)
        heard = await self.ask(request, call.kind)
        passed = heard.seen is seen and heard.is_bare
        expected = f"{seen.value}, no balance"
        self.note(f"{self.words(call)}{said}", expected, heard.shown, passed=passed)
        self._answers[request.body] = heard

    async def turned_away(self, request: WireRequest, what: str) -> None:
        """Must be refused as a message, in whatever words, and not be worth a retry."""
        heard = await self.ask(request, CallKind.BET)
        passed = heard.turns_away and heard.is_bare
        self.note(what, "refused, no balance", heard.shown, passed=passed)

    async def balance_holds(self) -> None:
        """The player must have what everything so far left."""
        expected = self.subject.text(self.balance)
        if self.subject.asks_balances:
            query = self.call(CallKind.BALANCE, "", 0)
            heard = await self.ask(self.signed(query), CallKind.BALANCE)
            self._note_balance("balance query", heard.balance, heard.shown)
        elif self.hooks.balance is not None:
            found = await asyncio.to_thread(self.hooks.balance, self.guest.player)
            self._note_balance("look into the books", found, self.subject.text(found))
        elif self.subject.side is ProviderSystem.XIGS:
            heard = await self.ask(self.signed(self.bet(0)), CallKind.BET)
            self._note_balance("bet of nothing", heard.balance, heard.shown)
        else:
            await self._probe(expected)

    async def top_up(self, amount: int) -> None:
        """Make the player richer over the wire."""
        if self.subject.has_rollbacks:  # there a win stands alone
            await self.accepted(self.win(amount, self.bet(0)), moves=amount)
            return
        bet = self.bet(0)
        await self.accepted(bet, moves=0)
        await self.accepted(self.win(amount, bet), moves=amount)

    async def ask(self, request: WireRequest, kind: CallKind) -> ProviderResponse:
        """Send once and understand the answer."""
        reply = await self._knocker.send(self.subject.slug, request)
        return hear(reply, self.subject, kind)

    def note(self, sent: str, expected: str, seen: str, *, passed: bool) -> None:
        """Record a step.

        Raises:
            Departed: it was not as expected.
        """
        self.steps.append(ScenarioStep(sent=sent, expected=expected, seen=seen, passed=passed))
        if not passed:
            _depart()

    def words(self, call: Call) -> str:
        """The call in a few words."""
        text = self.subject.text
        named = f" of {text(call.amount)}" if call.kind is not CallKind.BALANCE else ""
        won = f" with {text(call.payout)} won" if call.payout else ""
        return f"{call.kind.value.replace('_', ' ')}{named}{won} {call.reference}".strip()

    def _note_balance(self, sent: str, found: int | None, shown: str) -> None:
        expected = f"balance {self.subject.text(self.balance)}"
        self.note(sent, expected, shown, passed=found == self.balance)

    async def _probe(self, expected: str) -> None:
        """Bets that only the expected balance refuses and allows; the allowed one is undone."""
        holds = max(self.balance, 0)
        more = await self.ask(self.signed(self.bet(holds + 1)), CallKind.BET)
        probe = self.bet(holds)
        all_of_it = await self.ask(self.signed(probe), CallKind.BET)
        undone = await self.ask(self.signed(self.rollback(probe)), CallKind.ROLLBACK)
        seen = [one.seen for one in (more, all_of_it, undone)]
        passed = seen == [ReplyKind.DECLINED, ReplyKind.SUCCESS, ReplyKind.SUCCESS]
        shown = " / ".join(one.shown for one in (more, all_of_it, undone))
        self.note(
            "bets of a little more and of all", f"balance {expected}", shown, passed=passed
        )


def _depart() -> NoReturn:
    raise ScriptFailed
