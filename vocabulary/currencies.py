"""Currencies: how many digits each has after its point, and what happens to an unknown one.

Digits are those of ISO 4217; a currency that the standard does not know needs them in a
provider's ``exponents``. Nothing is assumed: an amount read with wrong digits is wrong by a
power of ten. Settings name no others than the standard's: one wallet holds what all send.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from vocabulary.errors import Malformed

#: Digits after a currency's point, by its code.
Exponents = Mapping[str, int]

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN"
    " BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD"
    " FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW"
    " KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR"
    " MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG"
    " SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD"
    " USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
#: Of ISO 4217 until 2018 or later; all of two digits. Months of those years may be imported.
_WITHDRAWN = "ANG BGN CUC HRK MRO SLL STD VEF ZWL"
#: Stands where a record has no readable currency; its amounts are 0 then.
NO_CURRENCY = "XXX"
#: ISO 4217 of 1 January 2026, table A.1, but for metals, bonds and test codes, which have none.
ISO_4217: Exponents = MappingProxyType(
    {
        **dict.fromkeys([*_TWO.split(), *_WITHDRAWN.split(), NO_CURRENCY], 2),
        **dict.fromkeys(
            "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
        ),
        **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
        **dict.fromkeys("CLF UYW".split(), 4),
    }
)
#: For what no provider counts by itself: the digits of the standard alone.
ISO_ONLY: Exponents = {}  # a plain dict, which jobs in other processes can be given

#: Digits that version 0.1 assumed of these codes; of any other unknown one it assumed two.
_ASSUMED_BEFORE: Exponents = MappingProxyType(
    {
        **dict.fromkeys("BTC LTC BCH".split(), 8),
        **dict.fromkeys("ETH SOL".split(), 9),
        **dict.fromkeys("USDT USDC TRX".split(), 6),
    }
)

_CODE = re.compile(r"[A-Z][A-Z0-9]{2,7}", re.ASCII)


class CurrencyUnknown(Malformed):
    """A well-formed code whose digits neither ISO 4217 nor the settings name.

    Attributes:
        currency: the code.
    """

    def __init__(self, currency: str, path: str = "currency") -> None:
        super().__init__(
            path,
            f"{currency} is no currency of ISO 4217: the settings of a provider have to name"
            f" its digits after the point, as in {advised_line([currency])}",
        )
        self.currency = currency


def is_currency(code: str) -> bool:
    """Whether the text has the form of a currency code."""
    return _CODE.fullmatch(code) is not None


def is_known(code: str, exponents: Exponents) -> bool:
    """Whether the digits of a currency are known."""
    return code in exponents or code in ISO_4217


def digits_of(currency: str, exponents: Exponents, *, path: str = "currency") -> int:
    """Digits after the decimal point of a currency.

    Args:
        currency: its code.
        exponents: what the provider's settings name; they go before the standard.
        path: where the code stands, for the error.

    Raises:
        CurrencyUnknown: neither the settings nor the standard name them.
        Malformed: it is no code at all.
    """
    digits = exponents.get(currency)
    if digits is None and (digits := ISO_4217.get(currency)) is None:
        if is_currency(currency):
            raise CurrencyUnknown(currency, path)
        raise Malformed(path, "a currency code is expected")
    return digits


def outside_iso(exponents: Exponents) -> dict[str, int]:
    """The digits of currencies that ISO 4217 does not know, without overrides of those it does.

    Fees, limits and reports count in the standard's digits, whatever units a provider sends.
    """
    return {code: digits for code, digits in exponents.items() if code not in ISO_4217}


def joined_exponents(named: Iterable[Exponents]) -> dict[str, int]:
    """The digits of currencies outside ISO 4217, whoever names them; the first one counts."""
    joined: dict[str, int] = {}
    for exponents in named:
        joined = {**outside_iso(exponents), **joined}
    return joined


def assumed_before(currency: str) -> int:
    """The digits in which books of version 0.1 hold a currency outside ISO 4217."""
    return _ASSUMED_BEFORE.get(currency, 2)


def advised_line(currencies: Iterable[str]) -> str:
    """A line of settings that names the digits of currencies outside ISO 4217.

    The digits are those that version 0.1 assumed, in which its books hold them.
    """
    pairs = ", ".join(f"{code} = {assumed_before(code)}" for code in currencies)
    return f"exponents = {{ {pairs} }}"
