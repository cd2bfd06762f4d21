"""Packages whose names are imported on first use, as their stub (`__init__.pyi`) lists them."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing's takes time, in which Ctrl-C is not handled
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["attach"]


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package, for the imports of the stub beside it.

    Type checkers read the stub, and so does Python: a name is listed in one place. The names of a
    plugin are available as soon as it is installed.

    Args:
        package, file: the package's `__name__` and `__file__`.
    """
    homes: dict[str, str] = {}

    def read() -> dict[str, str]:
        if not homes:
            import ast
            from pathlib import Path

            stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
            homes.update(
                (alias.name, str(node.module))
                for node in stub.body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            )
        return homes

    def load(name: str) -> Any:
        from importlib import import_module

        if name == "__all__":
            return sorted(read())
        if name not in read():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        vars(import_module(package))[name] = value
        return value

    return load, lambda: sorted(read())
