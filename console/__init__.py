"""The web console for finance and operations: server-rendered pages over the same books."""
