"""Matching passes, classification of pairs, and the proof that rows are conserved."""
