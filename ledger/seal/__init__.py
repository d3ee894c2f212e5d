"""Daily seals: a chained hash over each day, exported and audited offline."""
