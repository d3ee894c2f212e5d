"""The physical lines of a text file: decoded, numbered, of bounded length."""

import codecs
import io
import re
from collections import deque
from typing import BinaryIO, cast

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.recognition import is_misread_utf_8, likely_encoding
from feeds.statements.reading.table import UnreadableRow

#: Bytes from which the line break and the encoding are recognized.
SAMPLE_BYTES = 1 << 16
#: Lines of one record at most.
PENDING_MAX = 1_000
#: Characters that are looked at together.
_AHEAD_CHARS = 1 << 16

_UTF_8 = "utf-8"
_UNDECODED = re.compile("[\ud800-\udfff]")
# A mark, the encoding that removes it, and the same encoding that would leave it in the text.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)


class LineProblem(Exception):
    """A line that cannot be read.

    Attributes:
        row: the finding.
        is_end: no later line can be trusted.
    """

    def __init__(self, row: UnreadableRow, *, is_end: bool) -> None:
        super().__init__(row.reason)
        self.row = row
        self.is_end = is_end


class TextLines:
    """Iterates over the lines of a text file, each with its line break.

    Attributes:
        sample: the beginning of the text, for recognition.
        number: of the line returned last, counted from 1.
        pending: the lines returned since the caller emptied it.
    """

    def __init__(
        self, stream: BinaryIO, encoding: str, sample: str, *, quote: str, length_max: int
    ) -> None:
        self.sample = sample
        self.number = 0
        self.pending: list[str] = []
        self._encoding = encoding
        self._quote = quote
        self._length_max = length_max
        self._break = _line_break(sample, quote)
        self._ahead: deque[str] = deque()
        self._keeps_bytes = _keeps_bytes(encoding)
        errors = "surrogateescape" if self._keeps_bytes else "strict"
        buffer = cast(BinaryIO, _Shared(stream))
        self._text = io.TextIOWrapper(
            buffer, encoding=encoding, errors=errors, newline=self._break
        )

    def __iter__(self) -> "TextLines":
        """Itself."""
        return self

    def __next__(self) -> str:
        """The next line; bytes that are not of the encoding are in it as surrogates.

        Raises:
            LineProblem: the line is too long, or nothing can be decoded from here on.
        """
        try:
            line = self._ahead.popleft() if self._ahead else self._read_line()
        except UnicodeError:
            raise self._wrong_encoding(self.number + 1) from None
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > self._length_max:
            raise self._too_long(line)
        if len(self.pending) == PENDING_MAX:
            reason = f"line: a record of at most {PENDING_MAX} lines is expected"
            raise LineProblem(UnreadableRow(self.number, reason), is_end=True)
        self.pending.append(line)
        return line

    def usual_lines(self) -> list[str]:
        """The next lines without their breaks, if nothing about them needs a closer look.

        They are complete and not too long, and have no quotes and no other line breaks. Empty:
        the next lines have to be read one by one.
        """
        if self._ahead or not self._keeps_bytes:
            return []
        text = self._text.read(_AHEAD_CHARS)
        text += "" if text.endswith(self._break) else self._read_line()
        *lines, last = text.split(self._break)
        if lines and not last and self._is_usual(text, lines):
            self.number += len(lines)
            return lines
        self._ahead.extend(line + self._break for line in lines)
        self._ahead.extend([last] if last else [])
        return []

    def put_back(self, lines: list[str]) -> None:
        """Have lines that ``usual_lines`` returned read one by one."""
        self.number -= len(lines)
        self._ahead.extend(line + self._break for line in lines)

    def read(self, size: int) -> str:
        """The next characters, for a file that has no lines; empty at its end.

        Raises:
            LineProblem: nothing can be decoded from here on.
        """
        try:
            text = self._text.read(size)
        except UnicodeError:
            raise self._wrong_encoding(1) from None
        if problem := self.undecoded(text, 1):
            raise problem
        return text

    def undecoded(self, text: str, number: int) -> LineProblem | None:
        """The problem with text that has bytes of another encoding."""
        if text.isascii():
            return None
        if not (match := _UNDECODED.search(text)):
            return self._misread(text, number)
        if self._encoding != _UTF_8:
            return self._wrong_encoding(number)
        byte = ord(match.group()) & 0xFF
        reason = (
            f"line: UTF-8 is expected, the byte {byte:02X} is not; if this is Windows text,"
            ' set encoding = "windows-1252" or the like'
        )
        return LineProblem(UnreadableRow(number, reason), is_end=False)

    def _misread(self, text: str, number: int) -> LineProblem | None:
        """The problem that letters of UTF-8 would become other ones without a word."""
        if not is_misread_utf_8(text, self._encoding):
            return None
        reason = (
            f"line: {self._encoding} is expected, as declared, this is UTF-8;"
            ' set encoding = "utf-8"'
        )
        row = UnreadableRow(number, reason, FindingKind.WRONG_ENCODING)
        return LineProblem(row, is_end=False)

    def _read_line(self) -> str:
        return self._text.readline(self._length_max + 1)

    def _is_usual(self, text: str, lines: list[str]) -> bool:
        returns = text.count("\r")
        return (
            not self._has_quote(text)
            and (self._break == "\r" or not returns or returns == text.count("\r\n"))
            and (self._break == "\n" or "\n" not in text)
            and (text.isascii() or self._is_decoded(text, lines))
            and max(map(len, lines)) < self._length_max
        )

    def _is_decoded(self, text: str, lines: list[str]) -> bool:
        return _UNDECODED.search(text) is None and not any(
            is_misread_utf_8(line, self._encoding) for line in lines if not line.isascii()
        )

    def _wrong_encoding(self, number: int) -> LineProblem:
        reason = (
            f"{self._encoding} is expected, as declared, and these bytes are not;"
            " nothing was read from this line on (setting encoding)"
        )
        row = UnreadableRow(number, reason, FindingKind.WRONG_ENCODING)
        return LineProblem(row, is_end=True)

    def _too_long(self, line: str) -> LineProblem:
        """Skip the rest of the line; after a quote in it, no later line can be trusted."""
        has_quote = self._has_quote(line)
        while line and not line.endswith(self._break):
            line = self._text.readline(self._length_max + 1)
            has_quote = has_quote or self._has_quote(line)
        reason = f"line: at most {self._length_max} characters are expected"
        return LineProblem(UnreadableRow(self.number, reason), is_end=has_quote)

    def _has_quote(self, line: str) -> bool:
        return bool(self._quote) and self._quote in line


class _Shared(io.BufferedIOBase):
    """A stream that stays open when its text reader is thrown away."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        """Always."""
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        return self._stream.read(max(size, SAMPLE_BYTES))

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        return self._stream.read(-1 if size is None else size)


def text_lines(
    stream: BinaryIO, encoding: str, *, quote: str, length_max: int
) -> TextLines | UnreadableRow:
    """The lines of a text file in its declared encoding.

    The first line break outside quotes is the file's; only a file that uses CR for it is split
    at a CR.

    Args:
        stream: the file, from its start; seekable.
        encoding: as Python spells it.
        quote: the character inside which a line break is no end of a line; may be empty.
        length_max: the longest line, in characters.
    """
    sample = stream.read(SAMPLE_BYTES)
    if reason := _encoding_problem(sample, encoding):
        return UnreadableRow(1, reason, FindingKind.WRONG_ENCODING)
    marks = (mark for mark, _, plain in _MARKS if encoding == plain)
    stream.seek(next((len(mark) for mark in marks if sample.startswith(mark)), 0))
    text = decoded_sample(sample, encoding)
    return TextLines(stream, encoding, text, quote=quote, length_max=length_max)


def decoded_sample(sample: bytes, encoding: str) -> str:
    """The beginning of a file as text, without a byte order mark, for recognition only."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    return text.removeprefix("\ufeff")


def marked_encoding(sample: bytes) -> str | None:
    """The encoding that a byte order mark declares, or that zero bytes show."""
    for mark, encoding, _ in _MARKS:
        if sample.startswith(mark):
            return encoding.removesuffix("-sig")
    even, odd = sample[0:200:2], sample[1:200:2]
    # Letters of other alphabets than ours have no zero bytes.
    if 4 * odd.count(0) > len(odd) > 1 and all(even):
        return "utf-16-le"
    if 4 * even.count(0) > len(odd) > 1 and all(odd):
        return "utf-16-be"
    return None


def _encoding_problem(sample: bytes, encoding: str) -> str | None:
    """Why the file is not of the declared encoding, as far as its beginning shows."""
    if not sample:
        return None
    actual = marked_encoding(sample)
    is_wide = encoding.startswith(("utf-16", "utf-32"))
    if actual is None and is_wide and b"\0" not in sample:
        # Digits and line breaks have zero bytes in these encodings, whatever the language.
        actual = likely_encoding(sample)
    fitting = {(mark, name) for mark, *names in _MARKS for name in names}
    is_fitting = any(name == encoding and sample.startswith(mark) for mark, name in fitting)
    if actual is None and encoding in {"utf-16", "utf-32"}:
        return (
            f"{encoding.upper()} with a byte order mark is expected, this has none (setting"
            f' encoding); set encoding = "{encoding}-le" or "{encoding}-be"'
        )
    if actual is None or is_fitting or encoding == actual:
        return None
    return (
        f"{encoding.upper()} is expected, this is {actual.upper()}"
        f' (setting encoding); set encoding = "{actual}"'
    )


def _line_break(text: str, quote: str) -> str:
    """The first line break outside quotes, or LF."""
    is_quoted = False
    for place, char in enumerate(text):
        if char == quote:
            is_quoted = not is_quoted
        elif not is_quoted and char == "\n":
            return "\n"
        elif not is_quoted and char == "\r":
            return "\n" if text[place + 1 : place + 2] == "\n" else "\r"
    return "\n"


def _keeps_bytes(encoding: str) -> bool:
    """Whether an undecodable byte can be kept in the text, so that its line is known."""
    if encoding == _UTF_8:
        return True
    try:
        return codecs.decode(bytes(range(128)), encoding) == bytes(range(128)).decode("ascii")
    except UnicodeError:
        return False
