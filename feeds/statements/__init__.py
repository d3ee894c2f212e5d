"""Statement files: reading every format, importing, keeping the bytes, restatements."""
