"""What this machine has and whether it will translate."""
