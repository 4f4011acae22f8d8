"""Training text: from files to batches."""
