"""The kit that every command is made with, the core's own too: for `stylize_commands`.

Commands add themselves by `add_command`, which imports nothing of theirs before they are run, or
by typer's own `app.command()`. Names (`__init__.pyi` lists them) are loaded on first use.
"""

from stylize.lazy import attach

__getattr__, __dir__ = attach(__name__, __file__)
