"""`python -m stylize` is the command."""

from stylize.command.app import main

if __name__ == "__main__":
    main()
