"""What was converted against the model that it came from."""
