"""Statement files: their fields, and the reader of CSV lines that dialects share."""
