"""The inputs and settings of a picture or clip, and the code that makes the same elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from stylize import PluginHost, RunSettings, make_settings

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MASK_NAME", "ClipRecipe", "Recipe", "Upload"]

MASK_NAME = "mask.png"
# Outside the mask, the photograph is shown, at the size of the picture.
BLENDING = """\
read = read_image({photo}, size={size})
photo = to_pil(read.pixels, read.alpha)
mask = Image.open({mask!r}).convert("L").resize(photo.size)
Image.composite({styled}, photo, mask).save({output})
"""


@dataclass(frozen=True)
class Upload:
    """A picture or clip that was dropped on the page.

    Args:
        path: the file on this machine.
        name: the user's name for it, such as "photo.jpg".
        given: its name in code, or the path of a file that every installation has.
        still: the first frame of a clip, as a picture; None for a picture.
    """

    path: Path
    name: str
    given: str
    still: Path | None = None

    @property
    def picture(self) -> Path:
        """The picture to show: the upload itself, or a clip's first frame."""
        return self.still or self.path


@dataclass(frozen=True)
class Recipe:
    """A picture to make.

    Args:
        photo: the content.
        painting: the style; None if a model has learnt it.
        settings: settings of the run that differ from the defaults.
        mask: where the style applies, "L", white for the full style; None for everywhere.
        maker: the method or model, for the name of the picture.
        steps: options of the method that repeat a stopped run.
    """

    photo: Upload
    painting: Upload | None
    settings: Mapping[str, Any]
    mask: Image.Image | None = field(default=None, repr=False)
    maker: str = ""
    steps: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    noun: ClassVar[str] = "picture"
    words: ClassVar[tuple[str, ...]] = ("stylize",)
    suffix: ClassVar[str] = ".png"

    def run_settings(self, host: PluginHost, device: str) -> RunSettings:
        """Return the settings of the run, on a device. Raises: SettingsError, UnknownNameError."""
        return make_settings({"device": device, **self.settings}, host)

    @property
    def output(self) -> str:
        """The name of the picture, the same as the command's."""
        parts = [Path(self.photo.name).stem]
        parts += [Path(self.painting.name).stem] if self.painting else []
        return "_".join([*parts, self.maker]) + self.suffix

    def command(self) -> str:
        """Return the command for a shell."""
        words = [*self.words, *(shlex.quote(_file(name)) for name in self._files())]
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
        settings = {**self.settings, **({"options": dict(self.steps)} if self.steps else {})}
        made = f"result = stylize_image({self._arguments(settings)})\n"
        if self.mask is None:
            return f"from stylize import stylize_image\n\n{made}result.save({self.output!r})"
        return (
            "from PIL import Image\nfrom stylize import read_image, stylize_image, to_pil\n\n"
            f"{made}{self._blending('result.image')}"
        ).rstrip()

    def _arguments(self, settings: Mapping[str, Any], *others: str) -> str:
        files = [repr(name) for name in self._files()] + ["None"] * (not self.painting)
        named = (f"{name}={value!r}" for name, value in settings.items())
        return ", ".join([*files, *(repr(other) for other in others), *named])

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


@dataclass(frozen=True)
class ClipRecipe(Recipe):
    """A clip to make: its `photo` is a clip, and it has no mask."""

    noun = "clip"
    words = ("stylize", "video")
    suffix = ".mp4"  # playable in browsers

    def python(self) -> str:
        """Return the lines of Python."""
        given = self._arguments(self.settings, self.output)
        return f"from stylize import stylize_video\n\nstylize_video({given})"


def _file(name: str) -> str:
    """Return a file's name that the command cannot take for an option or a subcommand."""
    return name if "." in name and not name.startswith("-") else f"./{name}"
