"""Bugs to plant in deciding, accepting and posting.

Each is a change of the real source text. It is an error if the text is not in the source
exactly once, so a plant that no longer applies does not go unnoticed.
"""

from dataclasses import dataclass


class PatternGone(Exception):
    """The source does not hold the plant's old text exactly once."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One bug: its module, the text it replaces, and the new text."""

    name: str
    module: str
    old: str
    new: str

    def applied_to(self, source: str) -> str:
        """The source with the bug.

        Raises:
            PatternGone: the source has changed; adapt the plant to it.
        """
        if source.count(self.old) != 1:
            raise PatternGone(f"{self.name}: {self.old!r} x {source.count(self.old)}")
        return source.replace(self.old, self.new)


PLANTS: tuple[Plant, ...] = (
    Plant(
        "funds_are_checked_after_the_win",
        "ledger.accepting.effects",
        "request, wallet, fact.bet.minor, OperationKind.BET_AND_WIN",
        "request, wallet, fact.bet.minor - fact.win.minor, OperationKind.BET_AND_WIN",
    ),
    Plant(
        "a_second_rollback_moves_money_again",
        "ledger.accepting.effects",
        "original.kind is OperationKind.TOMBSTONE or original.reversed",
        "original.kind is OperationKind.TOMBSTONE",
    ),
    Plant(
        "a_late_original_is_not_kept_out",
        "ledger.accepting.effects",
        'reason="original_unknown", tombstone=fact.original_key',
        'reason="original_unknown"',
    ),
    Plant(
        "a_changed_repeat_counts_as_a_repeat",
        "ledger.accepting.decide",
        "if prior.fingerprint != _fingerprint(fact):",
        "if len(prior.fingerprint) != len(_fingerprint(fact)):",
    ),
    Plant(
        "a_rollback_moves_the_amount_it_claims",
        "ledger.accepting.effects",
        "stake=-original.stake,",
        "stake=-(fact.amount.minor if fact.amount and original.stake else original.stake),",
    ),
    Plant(
        "a_blocked_player_may_bet",
        "ledger.accepting.effects",
        "if wallet.blocked:",
        "if wallet.blocked and stake > wallet.balance:",
    ),
    Plant(
        "a_round_end_leaves_its_bet_open",
        "ledger.accepting.effects",
        "tombstone=fact.bet_key if bet is None else None,",
        "tombstone=None,",
    ),
    Plant(
        "a_bet_never_received_counts_as_rolled_back",
        "ledger.accepting.late_operations",
        "return operation is None or (operation.closed and not operation.reversed)",
        "return operation is None",
    ),
    Plant(
        "a_rollback_undone_before_it_arrived_is_lost",
        "ledger.accepting.late_operations",
        "return late_key(fact.key) if is_occupied else fact.key",
        "return fact.key",
    ),
    Plant(
        "a_lost_race_is_decided_on_old_books",
        "ledger.accepting.acceptor",
        "            fresh = True\n        return await self._split",
        "            fresh = False\n        return await self._split",
    ),
    Plant(
        "a_receiver_refuses_what_another_accepted",
        "ledger.accepting.acceptor",
        "if not fresh and has_unguarded_refusal(decisions, requests, refused):",
        "if fresh and has_unguarded_refusal(decisions, requests, refused):",
    ),
    Plant(
        "a_receiver_trusts_what_another_may_have_reversed",
        "ledger.accepting.cache",
        "return changed_at is not None and read_number >= changed_at",
        "return changed_at is not None and read_number >= 0",
    ),
    Plant(
        "the_sweep_is_counted_twice",
        "ledger.posting.posting_sql",
        "SET swept = r.swept + due.amount FROM due",
        "SET swept = r.swept + 2 * due.amount FROM due",
    ),
    Plant(
        "a_round_forgets_what_was_posted_before",
        "ledger.posting.posting_sql",
        "payout = r.payout + EXCLUDED.payout,",
        "payout = EXCLUDED.payout,",
    ),
    Plant(
        "an_ended_round_opens_again",
        "ledger.posting.posting_sql",
        "ended = r.ended OR EXCLUDED.ended,",
        "ended = r.ended AND EXCLUDED.ended,",
    ),
    Plant(
        "a_payout_leg_has_the_wrong_sign",
        "ledger.posting.rules",
        '*_in_round(3, "payout", 1),',
        '*_in_round(3, "payout", -1),',
    ),
    Plant(
        "winnings_go_to_the_house",
        "ledger.posting.rules",
        "account=Account.PROVIDER_CLEARING,\n        account_ended=Account.GGR,",
        "account=Account.GGR,\n        account_ended=Account.PROVIDER_CLEARING,",
    ),
)
