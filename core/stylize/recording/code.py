"""A fingerprint of a part's own code: equal code has an equal fingerprint, on any machine.

It covers the part's declaration and the Python modules of its factory and settings, with the
modules of its package that they import. If one of them imports by name at run time, all modules
of the package count. Compiled code, and the code of other distributions, does not.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from stylize.contract.spec import ComponentSpec

__all__ = ["fingerprint_code"]

# Signs that a module imports by name at run time.
DYNAMIC = frozenset(
    {"importlib", "import_module", "__import__", "exec", "eval", "runpy", "pkgutil"}
)


def fingerprint_code(spec: ComponentSpec) -> str:
    """Return 16 hex digits for a part's code; "" if its modules are not files."""
    references = filter(None, (spec.factory, spec.settings))
    modules = {reference.partition(":")[0] for reference in references}
    found: dict[str, str] = {}
    for module in modules:
        package = _Package.of(module)
        if package is None or package.file(module) is None:
            return ""
        found.update(package.code(module))
    declared = {k: v for k, v in _declared(spec).items() if k != "summary"}
    text = json.dumps([declared, sorted(found.items())], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Package:
    """A package, or a single module, at the top of the import path."""

    name: str
    root: Path

    @classmethod
    def of(cls, module: str) -> _Package | None:
        """Return the package that a module is in, found without importing it."""
        name = module.partition(".")[0]
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):  # a module that was made in memory
            return None
        if spec is None or not (spec.origin or "").endswith(".py"):
            return None
        origin = Path(str(spec.origin))
        return cls(name, origin.parent if spec.submodule_search_locations else origin)

    def file(self, module: str) -> Path | None:
        """Return the file of a module of this package, or None if it has none."""
        if module.partition(".")[0] != self.name:
            return None
        if self.root.suffix == ".py":
            return self.root if module == self.name else None
        path = self.root.joinpath(*module.split(".")[1:])
        places = path / "__init__.py", path.with_suffix(".py") if path != self.root else path
        return next((place for place in places if place.is_file()), None)

    def code(self, module: str) -> dict[str, str]:
        """Return the modules of this package that one needs, itself included, and their hashes."""
        found: dict[str, str] = {}
        todo = [module]
        while todo:
            name = todo.pop()
            path = self.file(name)
            if name in found or path is None:
                continue
            read = _read(path, path.stat().st_mtime_ns, path.stat().st_size)
            if read.dynamic:
                return dict(self._everything())
            found[name] = read.digest
            todo += self._imported(read, name, is_package=path.name == "__init__.py")
        return found

    def _imported(self, read: _Read, module: str, *, is_package: bool) -> Iterator[str]:
        """Yield the modules that one imports, which may be of other packages."""
        above = module.split(".") if is_package else module.split(".")[:-1]
        for level, base, names in read.imports:
            start = above[: len(above) - level + 1] if level else []
            home = ".".join([*start, *([base] if base else [])])
            inside = [f"{home}.{name}" for name in names]
            modules = [name for name in inside if self.file(name)]
            yield from modules
            if len(modules) < len(inside) or not inside:  # a name of the package itself
                yield home

    def _everything(self) -> Iterator[tuple[str, str]]:
        files = [self.root] if self.root.suffix == ".py" else sorted(self.root.rglob("*.py"))
        for path in files:
            name = path.relative_to(self.root.parent).as_posix()
            yield name, _read(path, path.stat().st_mtime_ns, path.stat().st_size).digest


@dataclass(frozen=True)
class _Read:
    """What is known about a file: its hash, and its imports (level, module, names)."""

    digest: str
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]
    dynamic: bool


@lru_cache(maxsize=4096)
def _read(path: Path, changed: int, size: int) -> _Read:
    """Read a file. The arguments `changed` and `size` tell its versions apart in the cache."""
    del changed, size
    source = path.read_bytes().replace(b"\r\n", b"\n")
    digest = hashlib.sha256(source).hexdigest()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # reported where it is imported
        return _Read(digest, (), dynamic=True)
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module or "", tuple(a.name for a in node.names)))
        dynamic |= isinstance(node, ast.Name) and node.id in DYNAMIC
        dynamic |= isinstance(node, ast.Attribute) and node.attr in DYNAMIC
    dynamic |= any(module.partition(".")[0] in DYNAMIC for _, module, _ in imports)
    return _Read(digest, tuple(imports), dynamic)


def _declared(value: Any) -> Any:
    """Return a declaration as JSON data; fields with their default value are left out.

    A field that a later release adds thus changes no fingerprint.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _declared(getattr(value, field.name))
            for field in fields(value)
            if getattr(value, field.name) != _default(field)
        }
    if isinstance(value, Mapping):
        return {str(key): _declared(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        ordered = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_declared(each) for each in ordered]
    return value


def _default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default
