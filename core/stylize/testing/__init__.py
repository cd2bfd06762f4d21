"""Tools for testing plugins: contracts to subclass, fixtures, and two functions.

The contracts and fixtures need pytest: pip install 'stylize-nst[testing]'. Names (`__init__.pyi`
lists them) load on first use, so that importing the package costs nothing.
"""

from stylize.lazy import attach

__getattr__, __dir__ = attach(__name__, __file__)
