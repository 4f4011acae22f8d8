"""`xlm train classify`."""
