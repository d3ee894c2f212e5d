"""Dialects: how strangers speak to us. Pure: bytes in, facts and answers out."""
