"""The aggregator's history, pushed record by record.

Each record comes as ``create`` and then ``update``; by the seed some come the other way round,
some twice.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random

from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import Body, JsonAmount, WireRequest
from simulator.systems.aggregator.calls import HISTORY_ROUTE, signed
from vocabulary.currencies import ISO_ONLY, digits_of

#: Percent of records whose update comes before its create, and that are delivered twice.
REORDERED_PERCENT = 8
REPEATED_PERCENT = 8

_LATER = timedelta(milliseconds=1)

_GAMES = (
    ("1513328", "Super Golf Drive"),
    ("1489936", "Ninja Raccoon Frenzy"),
    ("0", "Lobby Roulette"),
)


def pushes(
    lines: Sequence[HistoryLine], seed: int, span: RunSpan, secret: bytes
) -> Iterator[tuple[WireRequest, ...]]:
    """The signed history requests of each record, in the order of delivery."""
    rng = Random(f"history {seed}")  # noqa: S311 - a script, not a secret
    for line in lines:
        game = rng.choice(_GAMES)
        versions = [
            signed(HISTORY_ROUTE, _record(line, span, game, final=final), secret)
            for final in (False, True)
        ]
        if rng.randrange(100) < REORDERED_PERCENT:
            versions.reverse()
        if rng.randrange(100) < REPEATED_PERCENT:
            versions.append(rng.choice(versions))
        yield tuple(versions)


def _record(line: HistoryLine, span: RunSpan, game: tuple[str, str], *, final: bool) -> Body:
    exponent = digits_of(line.currency, ISO_ONLY)
    payout = line.payout if final else 0
    net = line.net if final else -line.stake
    created = span.at(line.place)
    # Strictly newer than the create, also in a run that took no time.
    updated = span.ended + _LATER if final else created
    return {
        "_id": line.record_id,
        "type": "update" if final else "create",
        "provider": "Simulated Studio",
        "game": game[1],
        "game_id": game[0],
        "user_agent": line.handle,
        "before_balance": JsonAmount(line.before, exponent),
        "after_balance": JsonAmount(line.before - line.stake + payout, exponent),
        "used_balance": JsonAmount(line.stake, exponent),
        "receive_balance": JsonAmount(payout, exponent),
        "winlose": JsonAmount(net, exponent),
        "createdAt": instant_text(created),
        "updatedAt": instant_text(updated),
    }
