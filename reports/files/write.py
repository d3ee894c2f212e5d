"""Write all files of a pack."""

from pathlib import Path

from reports.document import Document
from reports.files.csv_files import write_tables
from reports.files.html_page import write_page
from reports.files.pdf_statement import write_pdf
from reports.files.workbook import write_workbook
from reports.pack import Pack
from reports.pack_document import document_of


def write_pack(
    pack: Pack, folder: Path, *, protect_ids: bool = False, only_pdf: bool = False
) -> tuple[Path, ...]:
    """Write the files of a pack into a folder; see ``write_document``."""
    return write_document(document_of(pack), folder, protect_ids=protect_ids, only_pdf=only_pdf)


def write_document(
    document: Document, folder: Path, *, protect_ids: bool = False, only_pdf: bool = False
) -> tuple[Path, ...]:
    """Write all files of a document into a folder, creating it; returns their paths.

    Args:
        document: what is written.
        folder: where.
        protect_ids: of the CSV tables, see ``reports.files.csv_files``.
        only_pdf: write only the statement to print and to sign.
    """
    folder.mkdir(parents=True, exist_ok=True)
    statement = write_pdf(document, folder / f"{document.stem}-statement.pdf")
    if only_pdf:
        return (statement,)
    return (
        write_workbook(document, folder / f"{document.stem}.xlsx"),
        write_page(document, folder / f"{document.stem}.html"),
        statement,
        *write_tables(document, folder, protect_ids=protect_ids),
    )
