"""The conformance kit: scenarios that any receiver of a provider's callbacks must pass."""
