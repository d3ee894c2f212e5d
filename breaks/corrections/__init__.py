"""Corrections of breaks: suggested, tried, proposed by one person and approved by another."""
