"""Write all files of a pack."""

from pathlib import Path

from reports.csv_files import write_tables
from reports.html_page import write_page
from reports.pack import Pack, file_stem
from reports.workbook import write_workbook


def write_pack(pack: Pack, folder: Path, *, protect_ids: bool = False) -> tuple[Path, ...]:
    """Write all files of a pack into a folder, creating it; returns their paths.

    ``protect_ids``: of the CSV tables, see ``reports.csv_files``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = file_stem(pack)
    return (
        write_workbook(pack, folder / f"{name}.xlsx"),
        write_page(pack, folder / f"{name}.html"),
        *write_tables(pack, folder, name, protect_ids=protect_ids),
    )
