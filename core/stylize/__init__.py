"""stylize: neural style transfer, composed from plugins.

Everything that users and authors of plugins import is here (`__init__.pyi` lists it), but for
errors, the kit of commands and the contracts of tests: `stylize.errors`, `stylize.command`,
`stylize.testing`. Names are loaded on first use, so that importing the package costs nothing.
"""

from stylize.lazy import attach

__getattr__, __dir__ = attach(__name__, __file__)
