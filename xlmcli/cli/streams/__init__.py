"""What the commands share that answer line by line."""
