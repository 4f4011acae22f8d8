"""What an evaluation found, as a record, and in every format that it is written in."""
