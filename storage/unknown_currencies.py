"""Currencies in the books whose digits nobody names. Tables read: ``wallets``, ``breaks``."""

from sqlalchemy import Connection, text

from vocabulary.currencies import Exponents, is_known

_EXISTS = "SELECT to_regclass('breaks') IS NOT NULL"
_HELD = "SELECT currency FROM wallets UNION SELECT currency FROM breaks ORDER BY 1"


def unknown_currencies(connection: Connection, exponents: Exponents) -> list[str]:
    """The currencies of wallets and breaks that neither ISO 4217 nor ``exponents`` know.

    Version 0.1 assumed digits for them. None in a database without our tables.
    """
    if not connection.execute(text(_EXISTS)).scalar_one():
        return []
    held = connection.execute(text(_HELD)).scalars()
    return [currency for currency in held if not is_known(currency, exponents)]
