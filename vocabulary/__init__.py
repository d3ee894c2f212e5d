"""Types that every package shares: money, facts, ids, clock, outcomes, errors. A leaf."""
