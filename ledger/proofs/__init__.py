"""How proofs of the books are cut into parts, and go on after they were killed."""
