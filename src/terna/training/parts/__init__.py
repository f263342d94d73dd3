"""The parts of a run: an epoch's planned batches of one kind, gathered from memory-mapped tokens; one module a kind."""
