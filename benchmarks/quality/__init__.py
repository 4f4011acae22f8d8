"""Translation quality of a bundle, in the form that `xlm convert --scores` takes: ``python -m benchmarks.quality``."""
