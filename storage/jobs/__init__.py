"""Jobs: long work that is requested in one process and done by another as the application."""
