"""Dialects: the providers' protocols, one folder each. Bytes in, facts and replies out."""
