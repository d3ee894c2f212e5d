"""The words every room speaks: money, facts, ids, clock, outcomes, errors. A leaf."""
