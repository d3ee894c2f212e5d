"""Serving the systems' own APIs, which keep state in memory and misbehave on request.

A fault is asked for by a header of the request, by its query, or beforehand by whoever runs the
API.
"""
