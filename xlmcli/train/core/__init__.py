"""What all training shares: the loop, options, the optimizer, progress."""
