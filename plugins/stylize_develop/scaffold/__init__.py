"""New plugin packages from templates: complete, working, and written whole or not at all."""

from stylize_develop.scaffold.naming import ProjectNames, choose_names
from stylize_develop.scaffold.project import PLUGIN_KINDS, PluginKind, use_line, write_project

__all__ = [
    "PLUGIN_KINDS",
    "PluginKind",
    "ProjectNames",
    "choose_names",
    "use_line",
    "write_project",
]
