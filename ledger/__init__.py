"""The books: decide, accept, post, verify."""
