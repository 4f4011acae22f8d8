"""`xlm train translate`."""
