"""Workbooks as tables: the sheets of an XLSX file, streamed; of styles only those of dates."""
