"""How people work on differences: workflow states, corrections, policy, inquiries."""
