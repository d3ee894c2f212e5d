"""Serving the systems' own APIs, which keep their state in memory and can be told to misbehave.

A fault is asked for by a header of the request, by its query, or beforehand by whoever runs the
API.
"""
