"""Date patterns: ``%d.%m.%Y %H:%M:%S`` and the like, read the same on every machine.

``datetime.strptime`` knows only the zone names of its machine, ignores the zone it reads, and
fills a missing year with 1900. A pattern here has year, month and day, and keeps its zone.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self

_MONTHS = (
    "January February March April May June July August September October November December"
)
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
#: Directives of two digits, which may lack the leading zero unless another one adjoins.
_NUMBERS = frozenset("ymdHIMS")
_FORMS = {
    "Y": "[0-9]{4}",
    "j": "[0-9]{1,3}",
    "f": "[0-9]{1,9}",
    "p": "[AaPp][Mm]",
    "B": _MONTHS.replace(" ", "|"),
    "b": "|".join(name[:3] for name in _MONTHS.split()),
    "A": _WEEKDAYS.replace(" ", "|"),
    "a": "|".join(name[:3] for name in _WEEKDAYS.split()),
    "z": "[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?",
    "Z": "[+-][0-9]{2}(?::?[0-9]{2})?|[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*",
}
_PIECE = re.compile(r"%(.?)|([^%]+)", re.DOTALL)
_BLANKS = "[ \\t\\xa0\\u2009\\u202f]+"
_LITERAL_ZONE = re.compile(
    r"(?<![A-Za-z])(?:Z|UTC|GMT)(?![A-Za-z])|(?<![0-9])[+-][0-9]{2}:?[0-9]{2}(?![0-9])"
)
#: Directives that say the same.
_ONE_OF = tuple(set(names) for names in ("Yy", "mbBj", "dj", "HI"))
#: Two-digit years from this one on are of the twentieth century, as POSIX has it.
_PIVOT = 69


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time as read, without its zone.

    Attributes:
        zone: as written, or as the pattern says literally; None: neither has one.
    """

    local: datetime
    zone: str | None


@dataclass(frozen=True, slots=True)
class DatePattern:
    """A pattern of dates.

    Attributes:
        text: as declared.
        zone: the zone that the pattern contains literally.
    """

    text: str
    zone: str | None
    _form: re.Pattern[str] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """Compile a pattern.

        Raises:
            ValueError: it lacks year, month or day, or has an unknown, repeated or
                contradictory directive; says which.
        """
        pieces = _PIECE.findall(text)
        directives = [name for name, literal in pieces if not literal and name != "%"]
        zones = [zone for _, literal in pieces for zone in _LITERAL_ZONE.findall(literal)]
        if problem := _problem(directives, zones):
            raise ValueError(
                f'a date pattern such as "%d.%m.%Y %H:%M:%S"; {problem} in {text!r}'
            )
        form = "".join(
            _literal(literal or "%")
            if literal or name == "%"
            else f"(?P<{name}>{_form_of(name, pieces, place)})"
            for place, (name, literal) in enumerate(pieces)
        )
        return cls(text, zones[0] if zones else None, re.compile(form, re.ASCII))

    def parse(self, text: str) -> LocalTime | None:
        """The time in a text; None if the text has another form.

        Raises:
            ValueError: the time does not exist.
        """
        match = self._form.fullmatch(text)
        if match is None:
            return None
        values = match.groupdict()
        day = _day(values)
        local = datetime(  # noqa: DTZ001 - the zone is beside it
            day.year,
            day.month,
            day.day,
            _hour(values),
            int(values.get("M", "0")),
            int(values.get("S", "0")),
            int(values.get("f", "0")[:6].ljust(6, "0")),
        )
        return LocalTime(local, values.get("Z") or values.get("z") or self.zone)


def _problem(directives: list[str], zones: list[str]) -> str | None:
    """What is wrong with a pattern of these directives and literal zones."""
    present = set(directives)
    unknown = sorted(present - _NUMBERS - _FORMS.keys())
    if unknown:
        return f"%{unknown[0]} is unknown"
    if len(present) < len(directives) or any(len(names & present) > 1 for names in _ONE_OF):
        return "a part of the date is repeated"
    if not {"Y", "y"} & present:
        return "the year is missing"
    if "j" not in present and not {"m", "b", "B"} & present:
        return "the month is missing"
    if not {"j", "d"} & present:
        return "the day is missing"
    return _time_problem(present, zones)


def _time_problem(present: set[str], zones: list[str]) -> str | None:
    if ("I" in present) != ("p" in present):
        return "%I and %p belong together"
    for part, whole in (("M", "HI"), ("S", "M"), ("f", "S")):
        if part in present and not present & set(whole):
            return f"%{part} has no %{whole[0]} before it"
    if len({"z", "Z"} & present) + len(zones) > 1:
        return "the zone is there twice"
    return None


def _form_of(name: str, pieces: list[tuple[str, str]], place: int) -> str:
    if name not in _NUMBERS:
        return f"(?i:{_FORMS[name]})" if name in "bBaA" else _FORMS[name]
    beside = [*pieces[max(place - 1, 0) : place], *pieces[place + 1 : place + 2]]
    adjoins = any(not literal and near in _NUMBERS | {"Y", "j"} for near, literal in beside)
    return "[0-9]{2}" if adjoins or name == "y" else "[0-9]{1,2}"


def _literal(text: str) -> str:
    """Literal text; any blanks stand for blanks."""
    return _BLANKS.join(re.escape(part) for part in re.split(_BLANKS, text))


def _day(values: dict[str, str]) -> date:
    year = int(values["Y"]) if "Y" in values else int(values["y"])
    if "y" in values:
        year += 1900 if year >= _PIVOT else 2000
    if "j" in values:
        day = date(year, 1, 1) + timedelta(days=int(values["j"]) - 1)
        if day.year != year:
            raise ValueError("a day of this year is expected")
        return day
    named = values.get("B") or values.get("b")
    months = [name[:3] for name in _MONTHS.split()]
    month = months.index(named[:3].title()) + 1 if named else int(values["m"])
    return date(year, month, int(values["d"]))


def _hour(values: dict[str, str]) -> int:
    if "I" not in values:
        return int(values.get("H", "0"))
    hour = int(values["I"])
    if not 1 <= hour <= 12:
        raise ValueError("an hour of twelve is expected")
    return hour % 12 + (12 if values["p"].lower() == "pm" else 0)
