"""The common base of the contracts of parts: the choice of the part, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import pytest

from stylize.building.backbones import build_component
from stylize.contract.settings import Settings
from stylize.contract.spec import ComponentSpec, Kind
from stylize.discovery.host import PluginHost
from stylize.discovery.rows import PluginInfo
from stylize.testing.contract import Contract
from stylize.testing.failure import ContractFailure
from stylize.testing.hosts import builtin_host, register_plugin
from stylize.testing.worldstate import watch_world

__all__ = ["PartContract"]

Made = TypeVar("Made")


class PartContract(Contract):
    """The promises of a part. Subclass one of its own subclasses, named `Test...`.

    Attributes:
        plugin: the plugin's module or the module's name. It is tested with only the built-in
            plugins; None takes the part from all installed plugins.
        name: of the part.
        settings: of the part, such as `{"gain": 0.5}`; its defaults otherwise.
    """

    kind: ClassVar[Kind]
    plugin: ClassVar[str | ModuleType | None] = None
    name: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, object]] = {}
    # State of the process that another promise covers.
    not_watched: ClassVar[tuple[str, ...]] = ()

    # Values that take long to make: for each name, the last key and value.
    _made: ClassVar[dict[str, tuple[object, Any]]] = {}

    @property
    def title(self) -> str:
        """The part, for messages."""
        return f"{self.kind} {self.name}"

    @property
    def short_name(self) -> str:
        """The name that the part is registered by."""
        return self.name

    @property
    def host(self) -> PluginHost:
        """The plugins that the part is tested with."""
        return self._registered[0]

    @property
    def spec(self) -> Any:
        """The plugin's declaration of the part."""
        host, info = self._registered
        if info is None:
            return host.get(self.kind, self.short_name)
        wanted = self.kind, self.short_name
        specs = [spec for spec in info.specs if (spec.kind, spec.name) == wanted]
        self.require(
            len(specs) == 1,
            f"plugin {info.entry} adds no such part"
            + (f" ({info.failure})" if info.failure else ""),
            "return its spec from stylize_components, and check `name` of the contract",
        )
        return specs[0]

    @property
    def _registered(self) -> tuple[PluginHost, PluginInfo | None]:
        return self.once("host", self.plugin, self._register)

    def _register(self) -> tuple[PluginHost, PluginInfo | None]:
        if self.plugin is None:
            return PluginHost.discover(strict=True), None
        host = builtin_host()
        return host, register_plugin(host, self.plugin)

    @property
    def parsed_settings(self) -> Settings | None:
        """The part's settings, validated."""
        return self.host.make_settings(self.spec, self.settings)

    def build(self, *extra: object) -> Any:
        """Call the part's factory."""
        with self.calls("its factory"):
            return build_component(self.host, self.spec, self.parsed_settings, *extra)

    def exercise(self) -> None:
        """Build the part, and use it once."""
        raise NotImplementedError

    def test_leaves_the_process_as_it_was(self) -> None:
        with watch_world(self.not_watched) as changed:
            try:
                self.exercise()
            except ContractFailure:
                pytest.skip("it cannot be used")
        self.require(
            not changed,
            f"making and using it changes {', '.join(changed)}",
            "do not change state of the whole process, or restore it",
        )

    @property
    def key(self) -> object:
        """The key that distinguishes this part from others."""
        return self.plugin, self.kind, self.name, repr(self.settings)

    def once(self, what: str, key: object, make: Callable[[], Made]) -> Made:
        """Return `make()`, or its last value if the key is the same."""
        known, value = self._made.get(what, (None, None))
        if known != key or what not in self._made:
            value = make()
            self._made[what] = (key, value)
        made: Made = value
        return made

    def require_spec(self, wanted: type[ComponentSpec]) -> None:
        """Require the declaration to be of the right class."""
        spec = self.spec
        self.require(
            isinstance(spec, wanted),
            f"it is declared as a {type(spec).__name__}",
            f"declare it as a {wanted.__name__}",
        )
