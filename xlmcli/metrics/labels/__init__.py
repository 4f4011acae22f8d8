"""Labels against those that were meant."""
