"""The files of a report: workbook, page, PDF and CSV, written from one document."""
