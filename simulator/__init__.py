"""The providers' side: signs, sends, retries, reports its history, misbehaves from a seed.

It shares no code with the side it exercises: bodies, signatures, expected verdicts and expected
balances are worked out here from the protocol sheets alone, so that an error on one side shows.
"""
