"""What is made of the commands themselves: `docs.pages` writes it, `docs.picture` draws the one of the README."""
