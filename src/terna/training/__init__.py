"""The training run: batches, loss, module, schedule, selection, resuming; `setup` puts them together."""
