"""Every option of every dialect is explained, and each of its choices works."""

import json

from providers.contract import LedgerPolicy
from providers.registry import DIALECTS
from tests.contract.test_dialects import every_dialect
from tests.harness.providers.speaker import configured
from tests.harness.providers.speakers import SPEAKERS
from vocabulary.money import Money
from vocabulary.outcomes import Outcome, Verdict


@every_dialect
def test_every_option_has_a_meaning_and_a_default_among_its_choices(name: str) -> None:
    for key, option in DIALECTS[name].options.items():
        assert option.meaning, key
        assert option.choices is None or option.default in option.choices, key
        assert key.isidentifier(), key


@every_dialect
def test_every_choice_of_every_option_leaves_the_dialect_working(name: str) -> None:
    speaker = SPEAKERS[name]
    for option, settings in speaker.dialect.options.items():
        for choice in settings.choices or (settings.default,):
            provider = configured(speaker.dialect, options={option: choice})
            assert isinstance(speaker.dialect.policy(provider.options), LedgerPolicy)
            for verdict in Verdict:
                outcome = Outcome(
                    verdict=verdict,
                    route=speaker.dialect.routes[0],
                    fact=None,
                    transaction_id="txn-1-1",
                    balance=Money(1, "USD"),
                    turnover=Money(1, "USD"),
                )
                assert json.loads(speaker.dialect.respond(outcome, provider).body), (
                    option,
                    choice,
                )
