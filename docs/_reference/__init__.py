"""The pages of `docs/generate.py`: one function per page, from the program itself."""
