"""The cell formats of a workbook, each created once."""

from collections.abc import Callable
from typing import Any, TypeAlias

from reports.grid import Column

_Style: TypeAlias = dict[str, object]

_LINK = {"font_color": "#1B4F7A", "underline": 1}


class Formats:
    """The formats of one workbook."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.table_title = book.add_format({"bold": True, "font_size": 12})
        self.subtitle = book.add_format({"font_color": "#555555"})
        self.note = book.add_format(
            {"font_color": "#555555", "text_wrap": True, "valign": "top"}
        )
        self.result = book.add_format({"bold": True, "font_size": 12})
        self._cached: dict[tuple[object, ...], Any] = {}

    def heading(self, column: Column) -> Any:
        """Of a column's heading."""
        style = {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True}
        return self._format(
            ("heading", column.number),
            lambda: {**style, **_alignment(column), "valign": "vcenter"},
        )

    def text(self, column: Column, *, foot: bool, link: bool = False) -> Any:
        """Of text."""

        def style() -> _Style:
            text_style = {"text_wrap": not column.overflow, **_alignment(column)}
            return _cell_style(text_style, foot=foot, link=link)

        return self._format(("text", column.overflow, column.number, foot, link), style)

    def count(self, *, foot: bool, link: bool = False) -> Any:
        """Of a count."""
        return self._format(
            ("count", foot, link),
            lambda: _cell_style({"num_format": "#,##0"}, foot=foot, link=link),
        )

    def moment(self, pattern: str, *, foot: bool) -> Any:
        """Of a date or an instant."""
        style = {"num_format": pattern, "align": "left", "indent": 1}
        return self._format(("moment", pattern, foot), lambda: _cell_style(style, foot=foot))

    def amount(self, digits: int, column: Column, *, foot: bool, link: bool = False) -> Any:
        """Of an amount, in the digits of its currency."""
        return self._format(
            ("amount", digits, column.signed, column.owed, foot, link),
            lambda: _cell_style(
                {"num_format": _amount_pattern(digits, column)}, foot=foot, link=link
            ),
        )

    def _format(self, key: tuple[object, ...], style: Callable[[], _Style]) -> Any:
        # A workbook has few formats and very many cells: only a new format makes a style.
        if key not in self._cached:
            self._cached[key] = self._book.add_format(style())
        return self._cached[key]


def _amount_pattern(digits: int, column: Column) -> str:
    plain = "#,##0" + ("." + "0" * digits if digits else "")
    if column.owed:
        return f"[Red]+{plain};[Blue]-{plain};{plain}"
    if column.signed:
        return f"+{plain};-{plain};{plain}"
    return f"{plain};-{plain}"


def _alignment(column: Column) -> _Style:
    # Indented, because the column before it may end with figures.
    return {"align": "right"} if column.number else {"align": "left", "indent": 1}


def _cell_style(style: _Style, *, foot: bool, link: bool = False) -> _Style:
    more = {"bold": True, "top": 1} if foot else {}
    return {**style, "valign": "top", **more, **(_LINK if link else {})}
