"""The losses: of the vectors of a batch, one module a kind, and one's own by import path."""
