"""What `docs/generate.py` makes: a function a page, from the program itself."""
