"""What a picture is made from, and the lines that make the same picture elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize import PluginHost, RunSettings, make_settings

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MASK_NAME", "Recipe", "Upload"]

MASK_NAME = "mask.png"
# The picture outside of the mask is the photograph, at the picture's size.
BLENDING = """\
read = read_image({photo}, size={size})
photo = to_pil(read.pixels, read.alpha)
mask = Image.open({mask!r}).convert("L").resize(photo.size)
Image.composite({styled}, photo, mask).save({output})
"""


@dataclass(frozen=True)
class Upload:
    """A picture that was given to the page.

    Args:
        path: where it is.
        name: as its owner calls it, "photo.jpg".
        given: what lines call it: its name, or the path of a file that everybody has.
    """

    path: Path
    name: str
    given: str


@dataclass(frozen=True)
class Recipe:
    """A picture to make.

    Args:
        photo: the content.
        painting: the style; None where a model has learnt it.
        settings: of the run, those that are not the default.
        mask: where the style goes, "L", white for all of it; None for everywhere.
        maker: the method or model, for the name of the picture.
        steps: options of the method that repeat a run that was stopped.
    """

    photo: Upload
    painting: Upload | None
    settings: Mapping[str, Any]
    mask: Image.Image | None = field(default=None, repr=False)
    maker: str = ""
    steps: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    def run_settings(self, host: PluginHost, device: str) -> RunSettings:
        """Return the settings of the run, on a device. Raises: SettingsError, UnknownNameError."""
        return make_settings({"device": device, **self.settings}, host)

    @property
    def output(self) -> str:
        """The picture's name, as the command would call it."""
        parts = [Path(self.photo.name).stem]
        parts += [Path(self.painting.name).stem] if self.painting else []
        return "_".join([*parts, self.maker]) + ".png"

    def command(self) -> str:
        """Return the lines for a shell."""
        words = ["stylize", *(shlex.quote(_file(name)) for name in self._files())]
        for name, value in self.settings.items():
            words += [f"--{name.replace('_', '-')}", shlex.quote(str(value))]
        for part, options in self.steps.items():
            for name, values in options.items():
                words += ["--set", f"{part}.{name}={','.join(map(str, values))}"]
        words += ["-o", shlex.quote(_file(self.output))]
        line = " ".join(words)
        if self.mask is None:
            return line
        blending = self._blending(f"Image.open({self.output!r})")
        return (
            f"{line} --force\npython - <<'END'\nfrom PIL import Image\n"
            f"from stylize import read_image, to_pil\n\n{blending}END"
        )

    def python(self) -> str:
        """Return the lines of Python."""
        files = [repr(name) for name in self._files()] + ["None"] * (not self.painting)
        settings = {**self.settings, **({"options": dict(self.steps)} if self.steps else {})}
        given = ", ".join([*files, *(f"{name}={value!r}" for name, value in settings.items())])
        made = f"result = stylize_image({given})\n"
        if self.mask is None:
            return f"from stylize import stylize_image\n\n{made}result.save({self.output!r})"
        return (
            "from PIL import Image\nfrom stylize import read_image, stylize_image, to_pil\n\n"
            f"{made}{self._blending('result.image')}"
        ).rstrip()

    def _files(self) -> list[str]:
        return [upload.given for upload in (self.photo, self.painting) if upload]

    def _blending(self, styled: str) -> str:
        size = self.settings.get("size", RunSettings.model_fields["size"].default)
        return BLENDING.format(
            photo=repr(self.photo.given),
            mask=MASK_NAME,
            size=None if size == "full" else size,
            styled=styled,
            output=repr(self.output),
        )


def _file(name: str) -> str:
    """Return a file's name as the command takes no option and no command of its own for it."""
    return name if "." in name and not name.startswith("-") else f"./{name}"
