"""Report packs for finance: workbook, HTML page and CSV tables."""
