"""Corrections under four eyes, and bookings of what a tolerance let pass."""
