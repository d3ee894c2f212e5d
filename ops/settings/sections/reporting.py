"""Settings of reports: the entity, the reporting currency and its rates, the own zone."""

from pathlib import Path
from typing import Self

from pydantic import ValidationInfo, field_validator, model_validator

from ops.settings.values import CurrencyCode, Section, checked_zone
from reports.rates import ReportingRates, read_rates
from vocabulary.currencies import Exponents, digits_of


class ReportingSettings(Section):
    """Who reports, the currency that reports add everything up in, and the operator's zone.

    Attributes:
        entity: the company that a statement is of, as it stands on the page that is signed.
        currency: unset: nothing is converted.
        rates: CSV with the columns day, currency, rate, source; a relative path starts at the
            folder of the settings file.
        zone: of the days of our own operations and of midnights of player funds.
    """

    entity: str = ""
    currency: CurrencyCode | None = None
    rates: Path | None = None
    zone: str = "UTC"

    @field_validator("rates")
    @classmethod
    def _beside_the_settings(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        folder: Path = (info.context or {}).get("folder", Path())
        return None if path is None else folder / path

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return checked_zone(name)

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.currency is None) != (self.rates is None):
            raise ValueError("currency and rates together")
        return self


def reporting_rates(settings: ReportingSettings, exponents: Exponents) -> ReportingRates | None:
    """Read the rates; None without a reporting currency.

    Args:
        settings: name the file.
        exponents: of currencies outside ISO 4217, as the settings name them.

    Raises:
        Refused: the file cannot be read, or a line of it is wrong.
    """
    if settings.currency is None or settings.rates is None:
        return None
    digits = digits_of(settings.currency, exponents)
    return read_rates(settings.rates, settings.currency, digits)
