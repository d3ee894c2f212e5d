"""No dialect reads an amount of a currency whose digits nobody names; none is named here."""

import json
from collections.abc import Iterator

import pytest

from tests.harness.providers.speaker import configured
from tests.harness.providers.speakers import SPEAKERS
from vocabulary.currencies import CurrencyUnknown


def routes_with_currency() -> Iterator[tuple[str, str]]:
    for name, speaker in SPEAKERS.items():
        yield from ((name, r) for r, b in speaker.valid.items() if "currency" in json.loads(b))


@pytest.mark.parametrize(("name", "route"), list(routes_with_currency()))
def test_a_currency_is_refused_until_somebody_names_its_digits(name: str, route: str) -> None:
    speaker = SPEAKERS[name]
    document = {**json.loads(speaker.valid[route]), "currency": "DOGE"}
    callback = speaker.callback(route, json.dumps(document, separators=(",", ":")).encode())
    named = configured(speaker.dialect, currency="DOGE", exponents={"DOGE": 5})
    unnamed = configured(speaker.dialect)

    with pytest.raises(CurrencyUnknown, match="currency: DOGE is no currency of ISO 4217"):
        speaker.dialect.parse(speaker.dialect.verify(callback, unnamed), unnamed)

    assert speaker.dialect.parse(speaker.dialect.verify(callback, named), named) is not None
