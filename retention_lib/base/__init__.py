"""The customer base: what came in, and in what state."""
