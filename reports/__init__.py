"""What finance reads: a workbook, a page, tables."""
