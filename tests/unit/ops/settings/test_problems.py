"""Wrong settings: every problem at once, named by source and key, without its value."""

from pathlib import Path

import pytest

from ops.settings.loader import load
from providers.registry import DIALECTS
from vocabulary.errors import SettingsInvalid

PROVIDER = """
[[providers]]
slug = "casino"
dialect = "aggregator"
currency = "USD"
secrets = ["env:CASINO_SECRET"]
"""
CANARY = "canary-4f1d9c"

#: Everything that can be wrong, in one file.
WRONG = f"""
mode = "staging"
speed = 3
console = 8090
[database]
url = "mysql://root:{CANARY}@db/books"
[broker]
urll = "embedded"
[receiver]
port = 99999
processes = true
trusted_proxies = ["10.0.0.1/8", 7]
read_timeout = "5 s"
drain_timeout = "0s"
host = 3
[[providers]]
slug = "casino"
dialect = "aggregater"
currency = "usd"
secrets = ["env:NOT_SET", "{CANARY}", "file:none.key", "literal:{CANARY}", "env:EMPTY"]
allow_ips = "203.0.113.0/24"
timezone = "Europe/Nowhere"
maturity = 15
exponents = {{ USD = 10, eur = 2 }}
[[providers]]
slug = "casino"
dialect = "sportsbook"
currency = "EUR"
secrets = []
options = {{ digest = "md5", allow_extra_field = true, bad_hash_status = "200" }}
[[providers]]
slug = "Our Own"
[[providers]]
slug = "tieout"
dialect = "sportsbook"
currency = "EUR"
secrets = ["file:tieout.toml"]
"""

NETWORK = "a network such as 203.0.113.0/24, with no bits set after it"
UNREADABLE = "the file none.key to be readable (No such file or directory)"
LITERAL = "env:NAME or file:PATH; literal: is only for mode demo or test"
OWN = "a slug other than tieout, which names our own operations"
SLUG = "a letter, then letters, digits, - or _, lower case, 40 at most"
REFERENCE = "a reference of the form env:NAME or file:PATH"
EXPECTED = [
    "mode: expected 'production', 'demo' or 'test'",
    "speed: unknown key",
    "console: expected a table",
    'database.url: expected "embedded" or a URL such as postgresql://user@host/database',
    "broker.urll: unknown key, did you mean url?",
    "receiver.port: expected a number less than or equal to 65535",
    "receiver.processes: expected a whole number",
    f"receiver.trusted_proxies[0]: expected {NETWORK}",
    f"receiver.trusted_proxies[1]: expected {NETWORK}",
    'receiver.read_timeout: expected a duration such as "15m", "2s" or "500ms"',
    "receiver.drain_timeout: expected a duration longer than nothing",
    "receiver.host: expected text",
    f"providers.casino.dialect: expected one of {', '.join(DIALECTS)}",
    "providers.casino.currency: expected a currency code such as USD",
    "providers.casino.secrets[0]: expected the environment variable NOT_SET to be set",
    f"providers.casino.secrets[1]: expected {REFERENCE}",
    f"providers.casino.secrets[2]: expected {UNREADABLE}",
    f"providers.casino.secrets[3]: expected {LITERAL}",
    "providers.casino.secrets[4]: expected a secret that is not empty in env:EMPTY",
    "providers.casino.allow_ips: expected a list",
    "providers.casino.timezone: expected a time zone such as UTC or Europe/Warsaw",
    'providers.casino.maturity: expected a duration such as "15m", "2s" or "500ms"',
    "providers.casino.exponents.USD: expected a number less than or equal to 9",
    "providers.casino.exponents.eur: expected a currency code such as USD",
    "providers.casino.slug: expected a slug used only once",
    "providers.casino.secrets: expected at least one",
    "providers.casino.options.digest: expected one of hmac_sha256, sha256_body_secret",
    "providers.casino.options.allow_extra_field: expected an option of this dialect",
    "providers.casino.options.bad_hash_status: expected one of 200, 401, 403",
    f"providers.Our Own.slug: expected {SLUG}",
    "providers.Our Own.dialect: expected a value, it is required",
    "providers.Our Own.currency: expected a value, it is required",
    "providers.Our Own.secrets: expected a value, it is required",
    f"providers.tieout.slug: expected {OWN}",
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tieout.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path | None, environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        load(path, environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_every_problem_is_listed_at_once_with_file_key_and_what_is_expected(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, WRONG)

    reported = problems(path, {"EMPTY": " "})

    assert sorted(reported) == sorted(f"{path}: {problem}" for problem in EXPECTED)
    assert CANARY not in "\n".join(reported)


def test_a_wrong_variable_is_named_itself(tmp_path: Path) -> None:
    path = written(tmp_path, PROVIDER)

    reported = problems(
        path,
        {
            "CASINO_SECRET": "s",
            "TIEOUT_DATABASE_URL": "x",
            "TIEOUT_RECEIVER__PROT": "1",
            "TIEOUT_RECEIVER__PORT": CANARY,
            "TIEOUT_PROVIDERS__CASINO__CURRENCY": "euro",
            "TIEOUT_PROVIDERS__OTHER__CURRENCY": "EUR",
        },
    )

    variable = "environment variable TIEOUT_"
    nobody = "expected the slug of a configured provider, other is none"
    code = "expected a currency code such as USD"
    assert reported == [
        f"{variable}DATABASE_URL: unknown setting, did you mean TIEOUT_DATABASE__URL?",
        f"{variable}PROVIDERS__OTHER__CURRENCY: {nobody}",
        f"{variable}RECEIVER__PROT: unknown setting, did you mean TIEOUT_RECEIVER__PORT?",
        f"{variable}RECEIVER__PORT: receiver.port: expected a whole number",
        f"{variable}PROVIDERS__CASINO__CURRENCY: providers.casino.currency: {code}",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[receiver\n", "expected valid TOML"),
        (b"\xff\xfe", "expected UTF-8 text"),
        (
            b"a = " + b"[" * 3_000,
            "expected valid TOML: brackets nested less deeply are expected",
        ),
        (b"a = " + b"9" * 5_000, "expected valid TOML: numbers of fewer digits are expected"),
        (b"receiver = 3\n", "receiver: expected a table"),
        (b"providers = 3\n", "providers: expected a list"),
        (b"providers = [3]\n", "providers[0]: expected a table"),
        (b"mode = [1]\n", "mode: expected 'production', 'demo' or 'test'"),
        (b"[[providers]]\nslug = 3\n", "providers[0].slug: expected text"),
    ],
)
def test_a_file_that_is_not_a_settings_file_says_so(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "tieout.toml"
    path.write_bytes(content)

    assert problems(path, {})[0].startswith(f"{path}: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[console]\npublic_url = 'http://['", "console.public_url: expected a URL such as"),
        ("[console]\npublic_url = 'https://a:b'", "console.public_url: expected a URL such as"),
        ("[console]\nreceivers = ['http://[']", "console.receivers: expected URLs such as"),
        (
            "[console.oidc]\nclient_id = 'a'\nissuer = 'https://[::1'",
            "console.oidc.issuer: expected a URL such as https://",
        ),
        ("[console]\nread_url = 'postgresql://['", "console.read_url: expected"),
    ],
)
def test_an_address_that_is_none_says_what_is_expected(
    tmp_path: Path, text: str, expected: str
) -> None:
    (problem,) = problems(written(tmp_path, text), {})

    assert problem.startswith(f"{tmp_path / 'tieout.toml'}: {expected}")


def test_a_file_that_is_missing_is_a_problem_when_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"

    assert problems(path, {}) == [
        f"{path}: expected a readable file: No such file or directory"
    ]


def test_a_tolerance_is_an_amount_of_its_currency(tmp_path: Path) -> None:
    wrong = 'tolerance = { USD = "0.001", JPY = "-1", EUR = "a cent" }\n'
    settings = tmp_path / "tieout.toml"
    settings.write_text(PROVIDER + wrong, encoding="utf-8")
    with pytest.raises(SettingsInvalid) as refused:
        load(settings, {"CASINO_SECRET": "s"})
    message = str(refused.value)
    for code, digits in (("USD", 2), ("JPY", 0), ("EUR", 2)):
        expected = f"expected a plain amount with at most {digits} digits after the point"
        assert f"providers.casino.tolerance.{code}: {expected}" in message


def test_a_currency_needs_digits_of_the_standard_or_of_a_provider(tmp_path: Path) -> None:
    settings = tmp_path / "tieout.toml"
    coins = PROVIDER.replace('currency = "USD"', 'currency = "DOGE"')
    assert coins != PROVIDER
    limits = '[ledger]\none_person = { DOGE = "5.25" }\n'
    limits += '[reporting]\ncurrency = "DOGE"\nrates = "r"\n'
    settings.write_text(limits + coins, encoding="utf-8")
    known = "a currency of ISO 4217, or one whose digits after the point a provider names"
    expected = f"expected {known}; DOGE is neither: exponents = {{ DOGE = 2 }}"
    assert problems(settings, {"CASINO_SECRET": "s"}) == [
        f"{settings}: {place}: {expected}"
        for place in (
            "ledger.one_person.DOGE",
            "reporting.currency",
            "providers.casino.currency",
        )
    ]

    settings.write_text(limits + coins + "exponents = { DOGE = 3 }\n", encoding="utf-8")
    assert load(settings, {"CASINO_SECRET": "s"}).exponents == {"DOGE": 3}


def test_what_one_provider_names_counts_for_the_others_and_must_be_the_same(
    tmp_path: Path,
) -> None:
    settings = tmp_path / "tieout.toml"
    other = PROVIDER.replace('"casino"', '"other"') + "exponents = { DOGE = 3, EUR = 2 }\n"
    settings.write_text(PROVIDER + other, encoding="utf-8")
    loaded = load(settings, {"CASINO_SECRET": "s"}).providers
    assert [dict(entry.exponents) for entry in loaded] == [
        {"DOGE": 3},
        {"DOGE": 3, "EUR": 2},
    ]

    settings.write_text(PROVIDER + "exponents = { DOGE = 2 }\n" + other, encoding="utf-8")
    (problem,) = problems(settings, {"CASINO_SECRET": "s"})
    assert "expected the same digits of DOGE in the exponents of every provider" in problem
    assert "other names 3, another one 2" in problem


def test_no_provider_counts_a_known_currency_in_a_unit_of_its_own(tmp_path: Path) -> None:
    settings = tmp_path / "tieout.toml"
    other = PROVIDER.replace('"casino"', '"other"')
    own_unit = other + "exponents = { EUR = 5, JPY = 2, DOGE = 3, USD = 2 }\n"
    settings.write_text(PROVIDER + own_unit, encoding="utf-8")
    place = f"{settings}: providers.other.exponents"
    remedy = (
        "in that unit. Remove it; the unit that a provider sends is set in its options, that of"
        " its files in statement.unit"
    )

    assert problems(settings, {"CASINO_SECRET": "s"}) == [
        f"{place}.{code}: expected {digits}, as in ISO 4217: the wallets of all providers hold"
        f" {code} {remedy}"
        for code, digits in (("EUR", 2), ("JPY", 0))
    ]
