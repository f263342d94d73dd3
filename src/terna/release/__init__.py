"""What goes out: the chain of digests, the model card, the report, and the upload to the hub."""
