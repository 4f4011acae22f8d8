"""What `xlm pretrain` and the `xlm train` commands share."""
