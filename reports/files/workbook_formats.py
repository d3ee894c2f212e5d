"""The cell formats of a workbook, each created once."""

from typing import Any

from reports.grid import Column

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
            ("heading", column.number), {**style, **_alignment(column), "valign": "vcenter"}
        )

    def text(self, column: Column, *, foot: bool, link: bool = False) -> Any:
        """Of text."""
        style = {"text_wrap": not column.overflow, **_alignment(column)}
        key = ("text", column.overflow, column.number, foot, link)
        return self._format(key, _cell_style(style, foot=foot, link=link))

    def count(self, *, foot: bool, link: bool = False) -> Any:
        """Of a count."""
        style = _cell_style({"num_format": "#,##0"}, foot=foot, link=link)
        return self._format(("count", foot, link), style)

    def moment(self, pattern: str, *, foot: bool) -> Any:
        """Of a date or an instant."""
        style = {"num_format": pattern, "align": "left", "indent": 1}
        return self._format(("moment", pattern, foot), _cell_style(style, foot=foot))

    def amount(self, digits: int, column: Column, *, foot: bool, link: bool = False) -> Any:
        """Of an amount, in the digits of its currency."""
        plain = "#,##0" + ("." + "0" * digits if digits else "")
        pattern = f"{plain};-{plain}"
        if column.signed:
            pattern = f"+{plain};-{plain};{plain}"
        if column.owed:
            pattern = f"[Red]+{plain};[Blue]-{plain};{plain}"
        style = _cell_style({"num_format": pattern}, foot=foot, link=link)
        return self._format(("amount", pattern, foot, link), style)

    def _format(self, key: tuple[object, ...], style: dict[str, object]) -> Any:
        if key not in self._cached:
            self._cached[key] = self._book.add_format(style)
        return self._cached[key]


def _alignment(column: Column) -> dict[str, object]:
    # Indented, because the column before it may end with figures.
    return {"align": "right"} if column.number else {"align": "left", "indent": 1}


def _cell_style(
    style: dict[str, object], *, foot: bool, link: bool = False
) -> dict[str, object]:
    more = {"bold": True, "top": 1} if foot else {}
    return {**style, "valign": "top", **more, **(_LINK if link else {})}
