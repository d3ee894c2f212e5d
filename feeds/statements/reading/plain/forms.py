"""The forms of plain values, matched against a whole column at once."""

import re
from collections.abc import Sequence

from feeds.statements.reading.file_format import AmountSign, AmountUnit, FileRules, Grouping
from vocabulary.ids import PROVIDER_ID_CHARS_MAX
from vocabulary.instants import USUAL_INSTANT
from vocabulary.money import MINOR_MAX

_MINOR_DIGITS = len(str(MINOR_MAX)) - 1


class Form:
    """A form that values have."""

    def __init__(self, form: str) -> None:
        self._one = re.compile(form, re.ASCII)
        self._all = re.compile(f"(?:(?:{form})\n)*+", re.ASCII)

    def fits(self, text: str) -> bool:
        """Whether one value has the form."""
        return self._one.fullmatch(text) is not None

    def fits_all(self, texts: Sequence[str]) -> bool:
        """Whether every value has the form; the form has no line breaks."""
        joined = "\n".join(texts) + "\n"
        return joined.count("\n") == len(texts) and self._all.fullmatch(joined) is not None


#: Ids that are the same in every file and dialect.
IDS = Form(f"[0-9A-Za-z](?:[0-9A-Za-z_:-]{{0,{PROVIDER_ID_CHARS_MAX - 2}}}[0-9A-Za-z])?")
INSTANTS = Form(USUAL_INSTANT.pattern)


class AmountForm:
    """Amounts with the declared marks and with all digits of the currency's smallest unit."""

    def __init__(self, rules: FileRules, exponent: int) -> None:
        is_minor = rules.unit is AmountUnit.MINOR
        self.digits = 0 if is_minor else exponent
        self._form = _NEVER
        self._marks = {}
        whole_digits = _MINOR_DIGITS - self.digits
        if rules.sign is not AmountSign.NONE or whole_digits < 1:
            return  # the row decides what a sign means
        whole = f"[0-9]{{1,{whole_digits}}}"
        if rules.thousands and rules.grouping is Grouping.THOUSANDS:
            mark = re.escape(rules.thousands)
            whole = f"{whole}|[0-9]{{1,3}}(?:{mark}[0-9]{{3}}){{1,{whole_digits // 3 - 1}}}"
        part = f"{re.escape(rules.decimal)}[0-9]{{{self.digits}}}" if self.digits else ""
        form = Form(f"(?:{whole}){part}")
        if not any(map(form.fits, rules.null_text or ())):
            self._form = form
        marks = "".join({rules.thousands, rules.decimal} - {"\n"})
        self._marks = str.maketrans(dict.fromkeys(marks, ""))

    def minors(self, texts: Sequence[str]) -> list[int] | None:
        """The amounts in minor units; None: not all of them have the form."""
        if not self._form.fits_all(texts):
            return None
        return list(map(int, "\n".join(texts).translate(self._marks).split("\n")))

    def minor(self, text: str) -> int | None:
        """One amount; None: it has another form."""
        return int(text.translate(self._marks)) if self._form.fits(text) else None

    def fits(self, text: str) -> bool:
        """Whether one amount has the form."""
        return self._form.fits(text)


_NEVER = Form("(?!)")
