"""What the aggregator is asked about a bet, and what its answer proves."""

import asyncio
import json

import pytest

from ops.providers.inquiry_client import inquire
from ops.settings.model import Settings
from providers.outbound.inquiry import InquiryAnswer
from tests.harness.books.ledger import NOON
from tests.harness.providers.api_server import Scripted, served

DETAIL = "/bet-history/report/detail-bet"
KNOWN = Scripted(body=b'{"status":true,"item":"https://history.example.com/r"}')
NOT_FOUND = Scripted(status=404, body=b'{"error":"Not Found"}')


def answer_about(
    key: str, scripted: Scripted, *, is_bet_id: bool
) -> tuple[InquiryAnswer, list[str]]:
    """The answer, and the bets that were asked for."""

    async def run() -> tuple[InquiryAnswer, list[str]]:
        async with served({DETAIL: [scripted]}) as api:
            entry = {
                "slug": "games",
                "dialect": "aggregator",
                "currency": "USD",
                "secrets": ["literal:s"],
                "options": {"history_id_is_bet_id": is_bet_id},
                "api": {"base_url": api.url, "attempts": 1, "key": "literal:k"},
            }
            settings = Settings.model_validate({"providers": [entry]}, context={"mode": "test"})
            answer = await inquire(settings.providers[0], key, NOON, frozenset())
            return answer, [json.loads(seen.body)["bet_id"] for seen in api.seen]

    return asyncio.run(run())


def test_a_round_that_only_the_history_names_is_asked_for_by_the_id_of_its_record() -> None:
    answer, asked = answer_about("history:66a1c0f2", KNOWN, is_bet_id=False)

    assert asked == ["66a1c0f2"]
    assert (answer.verdict, answer.link) == ("confirmed", "https://history.example.com/r")


def test_that_no_bet_has_the_id_of_a_record_does_not_say_that_the_bet_is_unknown() -> None:
    answer, asked = answer_about("history:66a1c0f2", NOT_FOUND, is_bet_id=False)

    assert asked == ["66a1c0f2"]
    assert (answer.verdict, answer.reason) == (
        "failed",
        "its history names no bet, and the record's id finds none",
    )


@pytest.mark.parametrize(("key", "is_bet_id"), [("1677", False), ("history:7", True)])
def test_a_bet_is_asked_for_by_its_own_id_and_may_be_unknown(key: str, is_bet_id: bool) -> None:
    answer, asked = answer_about(key, NOT_FOUND, is_bet_id=is_bet_id)

    assert asked == [key]
    assert answer.verdict == "unknown"
