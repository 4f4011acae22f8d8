"""What is made of the commands themselves: `docs.pages` writes it, `docs.picture` draws the one of the README.

`docs.curves` draws a table of results.
"""
