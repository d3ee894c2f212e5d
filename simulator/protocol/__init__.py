"""The providers' protocols, written again: messages, signatures, sending, replies."""
