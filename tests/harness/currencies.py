"""Digits of currencies that ISO 4217 does not know, as the tests' providers name them."""

from vocabulary.currencies import Exponents

CRYPTO: Exponents = {"BTC": 8, "ETH": 9, "USDT": 6}
