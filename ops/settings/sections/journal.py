"""Settings of journals: the general ledger's accounts, and what accounting programs ask for."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from ops.settings.values import Section, WrongParts
from reports.files.formulas import escape_formula
from reports.journal.accounts import ACCOUNTS, FeeAccount
from vocabulary.errors import SettingsInvalid

_CODE_CHARS_MAX = 100


class JournalSettings(Section):
    """How journals name accounts.

    Attributes:
        accounts: by account of ours, its code in the general ledger.
        tax_rate: the name of the tax rate in Xero that means no tax.
        subsidiary: the subsidiary in NetSuite; empty: the account has none.
    """

    accounts: Mapping[str, str] = Field(default_factory=dict)
    tax_rate: str = "Tax Exempt"
    subsidiary: str = ""

    @field_validator("accounts")
    @classmethod
    def _known_accounts(cls, accounts: Mapping[str, str]) -> Mapping[str, str]:
        expected = f"one of {', '.join(ACCOUNTS)}"
        wrong = [(account, expected) for account in accounts if account not in ACCOUNTS]
        wrong += [
            (account, "a code that begins with a letter or digit, such as 2100")
            for account, code in accounts.items()
            if not _is_code(code)
        ]
        if wrong:
            raise WrongParts(wrong)
        return accounts


def mapped_accounts(settings: JournalSettings, *, fees: bool) -> Mapping[str, str]:
    """The general ledger's code of every account that journals may need.

    Args:
        settings: the section ``[journal]``.
        fees: whether a provider has terms, by which its fee is accrued.

    Raises:
        SettingsInvalid: names every account without a code.
    """
    needed = [name for name in ACCOUNTS if fees or name not in set(FeeAccount)]
    missing = [name for name in needed if name not in settings.accounts]
    if missing:
        raise SettingsInvalid(
            [
                f"journal.accounts.{name}: its code in the general ledger is expected"
                for name in missing
            ]
        )
    return settings.accounts


def _is_code(code: str) -> bool:
    is_plain = code.isprintable() and code == code.strip() and code == escape_formula(code)
    return is_plain and code[:1].isalnum() and len(code) <= _CODE_CHARS_MAX
