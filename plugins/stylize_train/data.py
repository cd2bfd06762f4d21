"""Photographs for training: a folder tree, in an order and with crops that a number decides.

Sample k of a run is the same for every process, any number of workers, and a resumed run. There is
no state to save.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stylize import TRAINING_SUFFIX, bytes_of, list_pictures, read_bytes
from stylize.errors import ImageError, TrainingError, UsageError
from stylize_train.folders import require_folder
from stylize_train.previews import PREVIEWED
from stylize_train.settings import TrainingSettings

__all__ = [
    "Photographs",
    "Sample",
    "find_photographs",
    "load_batches",
    "make_streams",
    "pair_pictures",
    "split_held_out",
    "stack_samples",
    "summarize_files",
]

# After this many broken pictures in a row, the whole folder is taken to be broken.
PATIENCE = 200


@dataclass(frozen=True)
class Sample:
    """A training picture, or why there is none.

    Args:
        pixels: (3, S, S), uint8; None if no picture could be read.
        faults: what was wrong with pictures that were skipped.
        grown: whether the photograph was smaller than the crop, and enlarged.
        picture: (3, S, S), uint8, the target for the photograph, if pictures are given.
    """

    pixels: Tensor | None
    faults: tuple[str, ...] = ()
    grown: bool = False
    picture: Tensor | None = None


@dataclass(frozen=True)
class Photographs(Dataset[Sample]):
    """The pictures of a list of files as squares; number k decides which and how it is framed.

    Args:
        files: paths, in an order that does not change.
        settings: crop, framing, zoom, flip, small.
        seed: of order and framing.
        fixed: frame by the middle at the least scale and never mirror, for validation.
        taught: by file, its target picture, which is framed alike; may be empty.
    """

    files: tuple[str, ...]
    settings: TrainingSettings
    seed: int
    fixed: bool = False
    taught: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> Sample:
        """Return sample `number`, from 0 without end: each epoch is in another order."""
        epoch, place = divmod(number, len(self.files))
        order = self._order(epoch)
        faults: list[str] = []
        for offset in range(min(len(order), PATIENCE)):
            file = self.files[order[(place + offset) % len(order)]]
            try:
                sample = self._frame(file, number)
            except ImageError as error:
                faults.append(str(error))
            else:
                return replace(sample, faults=tuple(faults))
        return Sample(None, tuple(faults))

    def _order(self, epoch: int) -> Sequence[int]:
        return range(len(self)) if self.fixed else _shuffle(len(self), self.seed, epoch)

    def _frame(self, file: str, number: int) -> Sample:
        """Return a photograph as a square, and its picture. Raises: ImageError."""
        settings, side = self.settings, self.settings.crop
        generator = torch.Generator().manual_seed(_mix(self.seed, number))
        at = torch.rand(4, generator=generator).tolist()
        zoom = 1.0 if self.fixed else 1 + (settings.zoom - 1) * at[0]
        names = [file, *([self.taught[file]] if self.taught else [])]
        images = [read_bytes(name, at_least=round(side * zoom)) for name in names]
        least = min(min(image.size) for image in images)
        if least < side and settings.small == "skip":
            image = images[0]
            raise ImageError(
                f"{file}: is {image.width}x{image.height}, smaller than the crop of {side}: "
                f"skipped (--small grow enlarges it)"
            )
        # Never above the photograph's own size, unless it is smaller than the crop.
        shorter = max(side, min(round(side * zoom), least))
        squares = []
        for image in images:
            box = _box(image, side * min(image.size) / shorter, at, fixed=self.fixed)
            if settings.framing == "resize":
                box = (0.0, 0.0, *image.size)
            square = image.resize((side, side), Image.Resampling.LANCZOS, box)
            if settings.flip and not self.fixed and at[3] < 0.5:
                square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            squares.append(bytes_of(square)[0].contiguous())
        return Sample(squares[0], grown=least < side, picture=(*squares, None)[1])


def _box(
    image: Image.Image, side: float, at: Sequence[float], *, fixed: bool
) -> tuple[float, float, float, float]:
    """Return the square of an image to cut out: its middle, or at two random numbers."""
    side = min(side, *image.size)  # rounding must not make it a hair wider, which Pillow refuses
    left = (image.width - side) * (0.5 if fixed else at[1])
    upper = (image.height - side) * (0.5 if fixed else at[2])
    return left, upper, left + side, upper + side


def find_photographs(folder: str | Path, option: str = "--data") -> tuple[str, ...]:
    """Return the picture files of a folder tree, sorted.

    Previews of trainings are left out: the folder may be the one that models are written to.

    Raises: UsageError, naming the option, if there is no folder, or no picture in it.
    """
    require_folder(folder, option)
    files = [
        file
        for file in list_pictures(folder)
        if not any(p.suffix == TRAINING_SUFFIX for p in Path(file).relative_to(folder).parents)
    ]
    if not files:
        raise UsageError(f"{option} {folder}: no pictures in it or in folders within: give another")
    return tuple(files)


def pair_pictures(files: Sequence[str], folder: str | Path) -> dict[str, str]:
    """Return the target picture of each photograph that has one in a folder.

    The picture has the photograph's name, and then an underscore and any text: the picture of
    cat.jpg is cat_starry_night.png, as `stylize` names its results.

    Raises: UsageError if there is no folder, or no photograph has a picture.
    """
    made = find_photographs(folder, "--pictures")
    paired = {}
    for file in files:
        name = Path(file).stem
        fitting = [m for m in made if Path(m).stem == name or Path(m).stem.startswith(f"{name}_")]
        if fitting:
            paired[file] = min(fitting, key=len)
    if not paired:
        raise UsageError(
            f"--pictures {folder}: none is called as a photograph, such as "
            f"{Path(files[0]).stem}_STYLE.png: make them with stylize --model MODEL "
            f"'PHOTOGRAPHS/*' -o {folder}"
        )
    return paired


def split_held_out(
    files: Collection[str], count: int, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return files to train on, and at most a tenth of them held out, chosen by the seed."""
    listed = tuple(files)
    chosen = set(_shuffle(len(listed), seed, -1)[: min(count, len(listed) // 10)])
    held_out = tuple(file for index, file in enumerate(listed) if index in chosen)
    return tuple(file for index, file in enumerate(listed) if index not in chosen), held_out


def make_streams(
    files: Mapping[str, Sequence[str]],
    settings: TrainingSettings,
    seed: int,
    taught: Mapping[str, str],
) -> tuple[dict[str, Photographs], dict[str, Photographs], bool]:
    """Return the streams to train on, those to look at, and whether the latter are held out.

    With fewer than ten photographs none is held out: the previews show some of the training's. With
    fewer than ten paintings the held-out photographs get known ones.

    Args:
        files: by stream: "content", and maybe "style".
        taught: by photograph, its target picture.
    """
    data, shown, holds_out = {}, {}, False
    for number, (name, listed) in enumerate(files.items()):
        own = settings
        if name == "style" and settings.style_zoom is not None:
            own = settings.model_copy(update={"zoom": settings.style_zoom})
        training, kept = split_held_out(listed, settings.validation, seed + number)
        if name == "content":
            holds_out = bool(kept)
        pairs = taught if name == "content" else {}
        data[name] = Photographs(training, own, seed + number, taught=pairs)
        shown[name] = Photographs(
            kept or training[:PREVIEWED], own, seed + number, fixed=True, taught=pairs
        )
    return data, shown, holds_out


def load_batches(
    data: Photographs, steps: range, *, batch: int, rank: int = 0, processes: int = 1
) -> Iterator[list[Sample]]:
    """Yield a process's samples of each step; workers decode ahead.

    Args:
        steps: from the first, counted from 0; a resumed run starts at another.
        batch: samples per process: step s has numbers from s * batch * processes.

    Raises: TrainingError if no picture can be read.
    """
    if not len(steps):
        return
    workers = data.settings.workers
    numbers = [
        [(step * processes + rank) * batch + index for index in range(batch)] for step in steps
    ]
    loader: DataLoader[Any] = DataLoader(
        data,
        batch_sampler=numbers,
        num_workers=workers,
        collate_fn=list,
        prefetch_factor=4 if workers else None,
        # Samples are sent as they are: a batch in shared memory would need as many open files.
        worker_init_fn=_start_worker,
        # Otherwise it draws from torch's own, which must be the same in a resumed run.
        generator=torch.Generator(),
    )
    for samples in loader:
        for sample in samples:
            if sample.pixels is None:
                raise TrainingError(
                    f"none of {len(sample.faults)} pictures in a row can be used, of "
                    f"{len(data)}; the first: {sample.faults[0]}"
                )
        yield samples


def stack_samples(name: str, samples: Sequence[Sample]) -> dict[str, Tensor]:
    """Return (N, 3, S, S), uint8: the pixels by the stream's name, and pictures as "picture"."""
    squares = {
        name: [sample.pixels for sample in samples if sample.pixels is not None],
        "picture": [sample.picture for sample in samples if sample.picture is not None],
    }
    return {key: torch.stack(several) for key, several in squares.items() if several}


def _start_worker(number: int) -> None:
    """Leave signals to the main process, which ends its workers, and the cores to training.

    They go to the whole group, from a terminal, `timeout` or systemd, and the main process saves.
    """
    import signal

    del number
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.nice(1)


@lru_cache(maxsize=2)
def _shuffle(count: int, seed: int, epoch: int) -> list[int]:
    order: list[int] = torch.randperm(
        count, generator=torch.Generator().manual_seed(_mix(seed, epoch))
    ).tolist()
    return order


def _mix(seed: int, number: int) -> int:
    """Return a seed of its own for each number of each run."""
    return (seed * 1_000_003 + number * 2_654_435_761 + 12_345) % 2**63


def summarize_files(files: Sequence[str]) -> str:
    """Summarise a list of files in a few characters: their number, and a hash of their names."""
    names = "\n".join(Path(file).name for file in files)
    return f"{len(files)} files, {hashlib.sha256(names.encode()).hexdigest()[:8]}"
