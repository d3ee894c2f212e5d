"""Reading statement files: every format becomes lines of the dialect, within limits."""
