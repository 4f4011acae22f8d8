"""Measures xlmcli against its baselines, side by side in one run: ``python -m benchmarks``."""
