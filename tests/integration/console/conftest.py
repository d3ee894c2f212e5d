"""The fixtures of the console: its books and its server, made once for each module."""

from tests.harness.books.console import console_books, site

__all__ = ["console_books", "site"]
