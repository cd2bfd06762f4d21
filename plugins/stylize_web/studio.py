"""The maker of pictures: one at a time for all tabs, with thumbnails in parallel."""

from __future__ import annotations

import contextlib
import contextvars
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image

from stylize import PluginHost, RunSettings, Stylizer, make_plan, make_settings, read_bytes
from stylize.command import explain
from stylize.errors import ModelError
from stylize_web.clipjob import ClipJob
from stylize_web.job import Job, as_jpeg, shrunk
from stylize_web.recipe import ClipRecipe, Recipe
from stylize_web.session import Session, demo_files
from stylize_web.styles import Style, learnt_styles, painting_methods, quick_method

__all__ = ["Studio"]

THUMBNAIL_SIDE = 192


class Studio:
    """The sessions of all tabs, and the two threads that work for them.

    Args:
        host: the plugins.
        folder: holds uploads and pictures until their tab is closed.
        device: device on which pictures are made.
        max_pixels: the largest accepted picture.

    Raises: UsageError; DeviceError if the device cannot be used.
    """

    def __init__(self, host: PluginHost, folder: Path, *, device: str, max_pixels: int) -> None:
        self.host = host
        self.folder = folder
        self.device = device
        self.max_pixels = max_pixels
        self.styles = learnt_styles(host)
        self.methods = painting_methods(host)
        self.sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._context = contextvars.copy_context()  # so that errors read as in the command
        self._pictures = ThreadPoolExecutor(1, "pictures")
        self._thumbnails = ThreadPoolExecutor(1, "thumbnails")
        # In a thumbnail there is too little to share between cores, which wait for each other,
        # for long if others use them too. The last number is also that of later threads.
        for pool, cores in ((self._thumbnails, 1), (self._pictures, torch.get_num_threads())):
            pool.submit(_use_cores, cores).result()
        self._quick: dict[str, Stylizer] = {}
        self._waiting: list[Job] = []
        self.samples: dict[str, bytes] = {}  # by style, thumbnails of the demo photograph
        for style in self.styles[:1]:
            with contextlib.suppress(ModelError):
                self._stylizer_of(style)
        demo = read_bytes(demo_files()[0].path, at_least=THUMBNAIL_SIDE)
        for style in self.styles:  # the first thumbnail of a photograph is then fast
            self._thumbnails.submit(self._sample, style, shrunk(demo, THUMBNAIL_SIDE))

    def session(self, key: str) -> Session:
        """Return the session of a tab, created on the first call."""
        with self._lock:
            if key not in self.sessions:
                self.sessions[key] = Session(self.folder / f"tab-{key}", self.max_pixels)
            return self.sessions[key]

    def end(self, key: str) -> None:
        """Stop the jobs of a closed tab and delete its files."""
        with self._lock:
            session = self.sessions.pop(key, None)
        if session is None:
            return
        session.closed = True
        for job in session.jobs:
            job.cancelled.set()
        shutil.rmtree(session.folder, ignore_errors=True)

    def chosen_style(self, session: Session) -> Style | None:
        """Return the chosen style of a tab."""
        styles = (*session.paintings, *self.styles)
        return next((style for style in styles if style.key == session.chosen), None)

    def make_chosen(
        self,
        session: Session,
        method: str,
        strength: float,
        size: str,
        keep_color: str,
        quality: str,
        *,
        every: bool = False,
    ) -> None:
        """Queue the picture or clip that a tab has chosen.

        Args:
            every: do this for each of its photographs and clips.

        Raises: SettingsError, UnknownNameError, ModelError if it cannot be made.
        """
        session.notice = ""
        style = self.chosen_style(session)
        if style is None or session.photo is None:
            return
        look: dict[str, object] = {
            "strength": strength,
            "size": size if size == "full" else int(size),
            "keep_color": keep_color,
            "quality": quality,
        }
        defaults = {name: field.get_default() for name, field in RunSettings.model_fields.items()}
        look = {name: value for name, value in look.items() if value != defaults[name]}
        first = len(session.jobs)
        for photo in session.photos if every else [session.photo]:
            # Other methods take minutes per frame.
            quick = quick_method(self.host) if photo.still else None
            by = style.settings(quick or method, quality)
            maker = str(next(iter(by.values())))
            recipe: Recipe
            if photo.still:
                # The method is named, as clips have another default than pictures.
                recipe = ClipRecipe(photo, style.painting, {**by, **look}, maker=maker)
            else:
                given = {} if by.get("method") == defaults["method"] else by
                mask = session.mask if photo == session.photo else None
                recipe = Recipe(photo, style.painting, {**given, **look}, mask, maker)
            make_plan(self.host, recipe.run_settings(self.host, self.device))
            job = ClipJob if photo.still else Job
            self.make(session, job(recipe, session.new_folder()))
        session.shown = session.jobs[first]

    def make(self, session: Session, job: Job) -> None:
        """Queue a picture."""
        session.jobs.append(job)
        session.shown = job
        self._waiting.append(job)
        self._pictures.submit(self._context.copy().run, self._make, job)

    def stop_shown(self, session: Session) -> None:
        """End the picture that a tab shows, with the best so far, or before it begins."""
        job = session.shown
        if job is not None:
            job.cancelled.set()
            if job.state == "waiting":
                job.state = "dropped"
                self._waiting.remove(job)

    def ahead_of(self, job: Job) -> int:
        """Return the number of pictures before a waiting one in the queue."""
        return self._waiting.index(job) if job in self._waiting else 0

    def show_wall(self, session: Session) -> None:
        """Queue the missing thumbnails of the session's photograph, its paintings first."""
        photo = session.photo
        if photo is None:
            return
        for style in (*session.paintings, *self.styles):
            key = photo.path, style.key
            if key not in session.thumbnails:
                session.thumbnails[key] = b""
                self._thumbnails.submit(self._thumbnail, session, style, key)

    def close(self) -> None:
        """End all pictures."""
        for key in list(self.sessions):
            self.end(key)
        for pool in (self._thumbnails, self._pictures):
            pool.shutdown(cancel_futures=True)

    def _make(self, job: Job) -> None:
        try:
            job.make(self.host, self.device, self.max_pixels)
        finally:
            if job in self._waiting:
                self._waiting.remove(job)

    def _thumbnail(self, session: Session, style: Style, key: tuple[Path, str]) -> None:
        if session.closed:
            return
        photo = session.photo
        if photo is None or photo.path != key[0]:  # another was chosen in the meantime
            del session.thumbnails[key]
            return
        try:
            small = session.small(photo, THUMBNAIL_SIDE)
            paintings = [read_bytes(style.painting.path)] if style.painting else []
            made = self._stylizer_of(style)(small, paintings).image
            session.thumbnails[key] = as_jpeg(made.convert("RGB"))
        except Exception as error:
            session.thumbnails[key] = None
            session.notice = f"{style.title}: {explain(error)[0]}"

    def _sample(self, style: Style, demo: Image.Image) -> None:
        with contextlib.suppress(Exception):  # reported when it is chosen
            self.samples[style.key] = as_jpeg(self._stylizer_of(style)(demo).image)

    def _stylizer_of(self, style: Style) -> Stylizer:
        """Return the stylizer for a style's thumbnails, loaded once."""
        chosen = {"model": style.fast} if style.model else {"method": quick_method(self.host)}
        name = style.fast
        if name not in self._quick:
            settings = {**chosen, "size": THUMBNAIL_SIDE, "device": self.device}
            self._quick[name] = Stylizer(make_plan(self.host, make_settings(settings)), self.host)
        return self._quick[name]


def _use_cores(number: int) -> None:
    """Let PyTorch use a number of cores in this thread."""
    # A thread asks for the number once, and would otherwise do so after it has been set here.
    torch.get_num_threads()
    torch.set_num_threads(number)
