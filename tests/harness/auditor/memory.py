"""What the auditor remembers, and how it writes a line."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from tests.harness.auditor.books import Line, Purse, Reply, Round, Rules
from tests.harness.auditor.situations import Situation as Saw
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

#: Before anything is heard.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Memory:
    """Every purse, every line under its key, and what was replied."""

    def __init__(
        self,
        rules: Mapping[str, Rules],
        purses: Iterable[Purse],
        names: Mapping[tuple[str, str], str],
    ) -> None:
        """Start with empty chains.

        Args:
            rules: by provider slug.
            purses: every wallet there is.
            names: the player for each (slug, handle).
        """
        self._rules = rules
        self._names = names
        self.purses = {(purse.player, purse.currency): purse for purse in purses}
        self.saw: Counter[Saw] = Counter()
        self._lines: dict[tuple[str, str], tuple[Purse, Line]] = {}
        self._heard: dict[tuple[str, str], object] = {}
        self._replies: dict[tuple[str, str], Reply] = {}
        self._rounds: dict[tuple[str, str], dict[tuple[str, str], Round]] = {}
        self._now: datetime = LONG_AGO

    @property
    def chains(self) -> dict[tuple[str, str], list[Line]]:
        """Every wallet's chain, by (player, currency)."""
        return {wallet: purse.chain for wallet, purse in self.purses.items()}

    def _repeated(self, slug: str, key: str, content: object) -> Reply:
        if self._heard.get((slug, key)) != content:
            return self._refused(Saw.CHANGED_REPEAT, Verdict.CONFLICT)
        first = self._replies[slug, key]
        stood = first.told is Verdict.ACCEPTED
        self._see(Saw.REPEAT if stood else Saw.REPEATED_DECLINE)
        return replace(first, verdict=Verdict.REPEATED)

    def _keep(
        self, slug: str, key: str, content: object, verdict: Verdict, purse: Purse
    ) -> Reply:
        place = 1 + next(n for n, x in enumerate(purse.chain) if (x.slug, x.key) == (slug, key))
        reply = Reply(
            verdict,
            verdict,
            place if verdict is Verdict.ACCEPTED else None,
            Money(purse.balance, purse.currency),
            Money(purse.turnover, purse.currency),
        )
        self._heard[slug, key] = content
        self._replies[slug, key] = reply
        return reply

    def _move(
        self,
        purse: Purse,
        slug: str,
        key: str,
        what: str,
        stake: int,
        payout: int,
        round_id: str,
        *,
        ends: bool = False,
        fund: Fund = Fund.CASH,
        undoes: Line | None = None,
    ) -> Line:
        """Write a line of a round that stands, and move what it moves."""
        purse.balance += payout - stake
        purse.turnover += stake
        line = self._write(purse, slug, key, what, stands=True, round_id=round_id)
        line.stake, line.payout, line.moved, line.fund = stake, payout, payout - stake, fund
        if what != "adjustment" and (undoes is None or undoes.at.date() == purse.day):
            purse.day_stake += stake
            purse.day_payout += payout
        line.ends = ends or self._rules[slug].one_round_each
        told = self._round(purse, slug, round_id)
        told.ended = told.ended or line.ends
        return line

    def _bury(self, purse: Purse, slug: str, key: str, round_id: str) -> Line:
        return self._write(purse, slug, key, "tombstone", stands=True, round_id=round_id)

    def _write(
        self, purse: Purse, slug: str, key: str, what: str, *, stands: bool, round_id: str = ""
    ) -> Line:
        if self._now.date() > purse.day:
            # The business day never goes back, whatever a receiver's clock says.
            purse.day, purse.day_stake, purse.day_payout = self._now.date(), 0, 0
        line = Line(
            slug, key, what, stands, 0, 0, purse.balance, round_id, purse.currency, self._now
        )
        line.player = purse.player
        purse.chain.append(line)
        self._lines[slug, key] = (purse, line)
        return line

    def _round(self, purse: Purse, slug: str, round_id: str) -> Round:
        """This wallet's part in a round; others may play under the same name."""
        parts = self._rounds.setdefault((slug, round_id), {})
        if (purse.player, purse.currency) not in parts and parts:
            players = {player for player, _ in parts}
            currencies = {currency for _, currency in parts}
            self._see(Saw.SHARED_ROUND if players - {purse.player} else Saw.ROUND_IN_TWO)
            if currencies - {purse.currency} and players - {purse.player}:
                self._see(Saw.SHARED_IN_TWO)
        return parts.setdefault((purse.player, purse.currency), Round())

    def _see(self, situation: Saw) -> None:
        self.saw[situation] += 1

    def _refused(self, situation: Saw, verdict: Verdict) -> Reply:
        self._see(situation)
        return Reply(verdict, verdict)
