"""Tables that a page shows, as files: CSV and a workbook with the same rows."""

from dataclasses import dataclass
from datetime import datetime

from console.replies import FileDownload
from reports.document import Document
from reports.files.csv_files import table_lines
from reports.files.workbook import workbook_bytes
from reports.grid import Grid

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """One table to download.

    Attributes:
        stem: the name of the file without its ending.
        subtitle: what the table is about, in one line.
    """

    grid: Grid
    stem: str
    subtitle: str
    at: datetime

    def texts(self, limit: int) -> list[list[str]]:
        """The first rows as people read them."""
        document = self._document()
        return [
            [
                document.text(column, value)
                for column, value in zip(self.grid.columns, row, strict=True)
            ]
            for row in self.grid.rows[:limit]
        ]

    def csv(self) -> FileDownload:
        """As CSV; with the byte order mark, spreadsheets read it as UTF-8."""
        text = "".join(table_lines(self._document(), self.grid, protect_ids=True))
        return FileDownload(
            name=f"{self.stem}.csv",
            content_type="text/csv; charset=utf-8",
            content=text.encode("utf-8-sig"),
        )

    def xlsx(self) -> FileDownload:
        """As a workbook of one sheet."""
        return FileDownload(
            name=f"{self.stem}.xlsx",
            content_type=_XLSX,
            content=workbook_bytes(self._document()),
        )

    def _document(self) -> Document:
        return Document(
            title=self.grid.name,
            subtitle=self.subtitle,
            stem=self.stem,
            generated_at=self.at,
            about=(),
            sentences=(),
            warnings=(),
            figures=(),
            grids=(self.grid,),
            draw=lambda: (),
        )
