"""`python -m stylize` is the `stylize` command."""

from stylize.cli import main

if __name__ == "__main__":
    main()
