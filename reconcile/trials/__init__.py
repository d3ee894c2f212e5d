"""Corrections of a break, tried by the rules of a run before anything is booked."""
