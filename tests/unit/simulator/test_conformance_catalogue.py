"""The catalogue against a receiver in memory: a true one passes, planted faults are found."""

import asyncio
import re
from collections.abc import Mapping

import pytest

from providers.contract import OptionValue, Provider
from providers.registry import DIALECTS
from simulator.conformance.catalogue import CATALOGUE
from simulator.conformance.scenario import ScenarioOutcome, ScenarioResult
from simulator.conformance.target import ConformanceTarget
from simulator.protocol.system import System
from tests.harness.books.bookkeeper import (
    AcceptsAnySender,
    AddsBalanceToErrors,
    Bookkeeper,
    BooksRepeatsAgain,
    DecidesDeclinesAgain,
    ForgetsTombstones,
    examine_bookkeeper,
)
from tests.harness.providers.speaker import configured
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    ALL_SYSTEMS,
    CONTENT_HUB,
    SPORTSBOOK,
    XIGS,
    name_of,
)
from tests.meta.tree import ROOT
from vocabulary.currencies import digits_of

SECRETS = (b"the present secret", b"the secret before it")

#: Options without which a system cannot say the smallest unit of a currency.
FINE: Mapping[tuple[System, str], Mapping[str, OptionValue]] = {
    (CONTENT_HUB, "BTC"): {"amount_digits": 8}
}

every_side = pytest.mark.parametrize("side", ALL_SYSTEMS, ids=name_of)


def provider_of(side: System, currency: str, options: Mapping[str, OptionValue]) -> Provider:
    return configured(DIALECTS[side.name], secrets=SECRETS, currency=currency, options=options)


def subject_of(provider: Provider, side: System) -> ConformanceTarget:
    policy = DIALECTS[side.name].policy(provider.options)
    return ConformanceTarget(
        system=side,
        slug=provider.slug,
        currency=provider.currency,
        exponent=digits_of(provider.currency, provider.exponents),
        secrets=provider.secrets,
        orphan_win_credits=policy.orphan_win_credits,
        rollback_of_rollback_accepts=policy.rollback_of_rollback_accepts,
        options=provider.options,
    )


def examined(
    kind: type[Bookkeeper],
    side: System,
    *,
    currency: str = "USD",
    foreign: bool = False,
    options: Mapping[str, OptionValue] | None = None,
) -> list[ScenarioResult]:
    provider = provider_of(side, currency, options or {})
    subject = subject_of(provider, side)
    return asyncio.run(examine_bookkeeper(kind(provider, side.name), subject, foreign=foreign))


def failed(found: list[ScenarioResult]) -> set[str]:
    return {one.scenario.name for one in found if one.result is ScenarioOutcome.FAILED}


def last_steps(found: list[ScenarioResult]) -> list[str]:
    return [f"{one.scenario.name}: {one.steps[-1]}" for one in found if failed([one])]


@pytest.mark.parametrize("currency", ["USD", "JPY", "BTC"])
@every_side
def test_a_true_receiver_passes(side: System, currency: str) -> None:
    found = examined(
        Bookkeeper, side, currency=currency, options=FINE.get((side, currency), {})
    )

    assert last_steps(found) == []
    assert [one.scenario for one in found] == list(CATALOGUE)
    assert all(one.steps for one in found if one.result is ScenarioOutcome.PASSED)


@pytest.mark.parametrize(
    ("side", "options"),
    [
        (AGENT_PLATFORM, {"signed_text": "raw"}),
        (
            AGENT_PLATFORM,
            {"signed_text": "sorted_unescaped", "rounds": "round_id"},
        ),
        (AGENT_PLATFORM, {"agent_id": 77, "insufficient_funds_status": 402}),
        (
            AGENT_PLATFORM,
            {"transaction_id_field": "tx", "original_id_fields": ("undo",)},
        ),
        (AGGREGATOR, {"orphan_win": "credit", "insufficient_funds_status": 402}),
        (AGGREGATOR, {"bet_end": "apply_missing"}),
        (AGGREGATOR, {"form_bodies": False, "raw_number_signatures": False}),
        (CONTENT_HUB, {"orphan_win": "credit", "amount_digits": 2, "error_status": 422}),
        (CONTENT_HUB, {"player_unknown_code": "RS_ERROR_UNKNOWN", "signature_header": "x-s"}),
        (SPORTSBOOK, {"digest": "sha256_body_secret", "bad_hash_status": 403}),
        (SPORTSBOOK, {"insufficient_funds_code": "INSUFFICENT_FUNDS"}),
        (XIGS, {"orphan_win": "credit", "balance_type": "text"}),
        (XIGS, {"raw_body_signatures": False, "signature_header": "x-other"}),
        (XIGS, {"key_source": "transaction", "amount_field": "value"}),
    ],
    ids=str,
)
def test_the_catalogue_follows_what_is_configured(
    side: System, options: Mapping[str, OptionValue]
) -> None:
    assert last_steps(examined(Bookkeeper, side, options=options)) == []


def test_a_rounds_end_that_books_what_is_missing_is_played_where_it_is_configured() -> None:
    found = examined(Bookkeeper, AGGREGATOR, options={"bet_end": "apply_missing"})

    results = {one.scenario.name: one.result for one in found}
    assert results["end_books_missing"] is ScenarioOutcome.PASSED
    assert results["end_before_bet"] is ScenarioOutcome.NOT_APPLICABLE


@every_side
def test_a_receiver_whose_books_are_not_ours_passes_over_the_wire_alone(
    side: System,
) -> None:
    found = examined(Bookkeeper, side, foreign=True)

    assert last_steps(found) == []
    skipped = {
        one.scenario.name for one in found if one.result is ScenarioOutcome.NOT_APPLICABLE
    }
    assert "blocked_player" in skipped


@every_side
def test_what_does_not_apply_says_why_and_is_never_passed(side: System) -> None:
    skipped = [
        one
        for one in examined(Bookkeeper, side)
        if one.result is ScenarioOutcome.NOT_APPLICABLE
    ]

    assert "expired_session" in {one.scenario.name for one in skipped}
    assert all(one.reason and not one.steps for one in skipped)


REPEATS = {"duplicate", "duplicate_win", "concurrent_duplicates", "changed_duplicate"}
FORGERIES = {
    "signature_missing",
    "signature_wrong",
    "signature_of_another_secret",
    "changed_after_signing",
    "errors_name_no_balance",
}
#: What a fault must be found by, and by nothing else.
FOUND_BY: Mapping[tuple[type[Bookkeeper], System], set[str]] = {
    (BooksRepeatsAgain, AGENT_PLATFORM): REPEATS
    | {"declined_bet_repeated", "errors_name_no_balance"}
    | {"funds_before_win", "repeat_after_rollback"},
    (BooksRepeatsAgain, AGGREGATOR): REPEATS
    | {"declined_bet_repeated", "errors_name_no_balance", "reorder", "form_body"},
    (BooksRepeatsAgain, CONTENT_HUB): REPEATS
    | {"declined_bet_repeated", "errors_name_no_balance", "reorder", "several_results"}
    | {"repeat_after_rollback", "closing_bet"},
    (BooksRepeatsAgain, SPORTSBOOK): REPEATS
    | {"declined_bet_repeated", "errors_name_no_balance", "reorder", "several_results"}
    | {"rollback", "rollback_first", "repeat_after_rollback", "zero_amounts"},
    (BooksRepeatsAgain, XIGS): REPEATS
    | {"declined_bet_repeated", "errors_name_no_balance", "reorder", "close_before_open"},
    (DecidesDeclinesAgain, AGENT_PLATFORM): {"declined_bet_repeated"},
    (DecidesDeclinesAgain, AGGREGATOR): {"declined_bet_repeated"},
    (DecidesDeclinesAgain, CONTENT_HUB): {"declined_bet_repeated"},
    (DecidesDeclinesAgain, SPORTSBOOK): {"declined_bet_repeated"},
    (DecidesDeclinesAgain, XIGS): {"declined_bet_repeated"},
    (ForgetsTombstones, AGENT_PLATFORM): {"rollback_first"},
    (ForgetsTombstones, AGGREGATOR): {"end_before_bet"},
    (ForgetsTombstones, CONTENT_HUB): {"rollback_first"},
    (ForgetsTombstones, SPORTSBOOK): {"rollback_first"},
    (AcceptsAnySender, AGENT_PLATFORM): FORGERIES | {"http_statuses"},
    (AcceptsAnySender, AGGREGATOR): FORGERIES | {"http_statuses", "form_body"},
    (AcceptsAnySender, CONTENT_HUB): FORGERIES,
    (AcceptsAnySender, SPORTSBOOK): FORGERIES,
    (AcceptsAnySender, XIGS): FORGERIES | {"http_statuses"},
}


@pytest.mark.parametrize(("fault", "side"), FOUND_BY)
def test_a_planted_fault_is_found_by_the_scenarios_it_concerns(
    fault: type[Bookkeeper], side: System
) -> None:
    assert failed(examined(fault, side)) == FOUND_BY[fault, side]


@every_side
def test_a_balance_in_an_error_is_found_wherever_something_is_refused(
    side: System,
) -> None:
    found = examined(AddsBalanceToErrors, side)

    wrong = [one.steps[-1] for one in found if one.result is ScenarioOutcome.FAILED]
    assert "errors_name_no_balance" in failed(found)
    assert all("balance" in step.expected and '"balance": 1' in step.seen for step in wrong)
    untouched = {"first_bet", "bet_and_its_win", "duplicate", "zero_amounts"}
    assert failed(found).isdisjoint(untouched)


@every_side
def test_a_failed_scenario_ends_with_the_step_that_failed(side: System) -> None:
    for one in examined(BooksRepeatsAgain, side):
        passed = [step.passed for step in one.steps]
        wanted = [True] * (len(passed) - 1) + [one.result is ScenarioOutcome.PASSED]
        assert passed == (wanted if passed else [])


def test_no_step_and_no_subject_shows_a_secret() -> None:
    found = examined(AcceptsAnySender, SPORTSBOOK)
    subject = subject_of(provider_of(SPORTSBOOK, "USD", {}), SPORTSBOOK)

    shown = repr([found, subject])
    assert [text for text in SECRETS if text.decode() in shown] == []


def test_the_page_lists_every_scenario_with_its_rule() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_]+)` \| (.+?) \|", page, re.MULTILINE)

    assert listed == [(one.name, one.says) for one in CATALOGUE]


def test_scenarios_have_names_of_their_own() -> None:
    assert len({one.name for one in CATALOGUE}) == len(CATALOGUE)
