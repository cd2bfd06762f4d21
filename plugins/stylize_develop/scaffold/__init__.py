"""New plugin packages from templates: complete, working, and written whole or not at all."""

from stylize_develop.scaffold.kinds import EXAMPLES, PLUGIN_KINDS, PluginKind
from stylize_develop.scaffold.naming import ProjectNames, choose_names
from stylize_develop.scaffold.project import use_line, write_project
from stylize_develop.scaffold.requirement import local_source

__all__ = [
    "EXAMPLES",
    "PLUGIN_KINDS",
    "PluginKind",
    "ProjectNames",
    "choose_names",
    "local_source",
    "use_line",
    "write_project",
]
