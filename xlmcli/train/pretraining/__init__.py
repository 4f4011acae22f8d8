"""`xlm pretrain`."""
