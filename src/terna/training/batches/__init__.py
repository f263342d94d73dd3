"""An epoch's duplicate-free batches as index arrays."""
