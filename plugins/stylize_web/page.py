"""The page itself, in Gradio: its layout and its actions."""

# No `from __future__ import annotations`: Gradio reads the annotations of handlers.

from collections.abc import Callable
from functools import partial
from importlib import resources
from typing import Any

from stylize import RunSettings
from stylize.command import explain, import_extra
from stylize.errors import StylizeError
from stylize_web import markup
from stylize_web.session import Session
from stylize_web.studio import Studio

__all__ = ["CSS", "SCRIPT", "build_page", "make_theme"]

CSS, SCRIPT, TILES, STAGE, MASK = (
    (resources.files("stylize_web") / name).read_text(encoding="utf-8")
    for name in ("page.css", "page.js", "tiles.js", "stage.js", "mask.js")
)
# Seconds between updates of the page.
EVERY = 0.4
SIZES = ["256", "512", "768", "1024", "1536", "2048", "full"]
COLORS = [
    ("the painting's", "none"),
    ("the photograph's, only brightness changes", "luminance"),
    ("the photograph's, applied to the painting first", "histogram"),
]
QUALITIES = [("draft", "draft"), ("good", "good"), ("best", "best")]
ACCENT, ACCENT_DARK = "#b4472e", "#9a3a24"


def make_theme() -> Any:
    """Return the theme: system fonts, one accent colour."""
    gr = _gradio()
    return gr.themes.Base(
        neutral_hue="stone",
        radius_size="md",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        button_primary_background_fill=ACCENT,
        button_primary_background_fill_dark=ACCENT,
        button_primary_background_fill_hover=ACCENT_DARK,
        button_primary_background_fill_hover_dark=ACCENT_DARK,
        button_primary_text_color="white",
        slider_color=ACCENT,
        slider_color_dark=ACCENT,
        checkbox_background_color_selected=ACCENT,
        checkbox_background_color_selected_dark=ACCENT,
        checkbox_border_color_selected=ACCENT,
        checkbox_border_color_selected_dark=ACCENT,
    )


class Page:
    """The parts of the page and their actions. See `build_page`."""

    def __init__(self, studio: Studio) -> None:
        gr = _gradio()
        self.studio = studio
        with gr.Blocks(title="stylize", fill_width=True) as self.blocks:
            gr.HTML("<h1>stylize</h1>", elem_id="top")
            self.notice = gr.HTML(elem_id="notice")
            with gr.Row(elem_id="desk"):
                with gr.Column(scale=4, min_width=320, elem_id="choices"):
                    self._build_choices(gr)
                with gr.Column(scale=7, min_width=320, elem_id="result"):
                    self._build_result(gr)
            timer = gr.Timer(EVERY)
            self._connect(gr, timer)

    def _build_choices(self, gr: Any) -> None:
        defaults = {name: field.default for name, field in RunSettings.model_fields.items()}
        gr.HTML("<h2>Photograph or clip</h2>")
        self.photos = gr.HTML(elem_id="photos", js_on_load=TILES)
        self.drop = gr.File(
            file_count="multiple", label="Photographs and clips", show_label=False, height=64,
            elem_id="drop-photo",
        )  # fmt: skip
        self.demo = gr.Button("or use the demo", size="sm", elem_id="demo")
        gr.HTML("<h2>Style</h2>")
        self.wall = gr.HTML(elem_id="wall", js_on_load=TILES)
        self.drop_painting = gr.File(
            label="Painting", show_label=False, height=64,
            elem_id="drop-painting",
        )  # fmt: skip
        self.method = gr.Radio(
            [(self._title(name), name) for name in self.studio.methods],
            value=next(iter(self.studio.methods), None),
            label="Method", elem_id="method", visible=False,
        )  # fmt: skip
        with gr.Accordion("Strength, size, colours, quality", open=False, elem_id="look"):
            self.strength = gr.Slider(0, 4, value=defaults["strength"], step=0.05, label="Strength")
            self.size = gr.Dropdown(
                SIZES, value=str(defaults["size"]), label="Longer side in pixels"
            )
            self.colors = gr.Radio(COLORS, value=defaults["keep_color"], label="Colours")
            self.quality = gr.Radio(QUALITIES, value=defaults["quality"], label="Quality")
        with gr.Accordion("Only a part of the photograph", open=False, elem_id="part"):
            self.mask = gr.HTML(elem_id="mask", js_on_load=MASK)

    def _build_result(self, gr: Any) -> None:
        self.stage = gr.HTML(elem_id="stage", js_on_load=STAGE)
        with gr.Row(elem_id="go"):
            self.make = gr.Button("Make the picture", variant="primary", elem_id="make")
            self.make_all = gr.Button("Make all", visible=False, elem_id="make-all")
            self.stop = gr.Button("Stop", visible=False, elem_id="stop")
            self.download = gr.DownloadButton("Download", visible=False, elem_id="download")
            self.get_mask = gr.DownloadButton("Mask", visible=False, elem_id="get-mask")
        self.history = gr.HTML(elem_id="history", js_on_load=TILES)
        with gr.Accordion(
            "By command or in Python", open=False, visible=False, elem_id="lines"
        ) as self.lines:
            self.command = gr.Code(
                language="shell",
                label="Command",
                lines=1,
                interactive=False,
                wrap_lines=True,
                elem_id="command",
            )
            self.python = gr.Code(
                language="python",
                label="Python",
                lines=1,
                interactive=False,
                wrap_lines=True,
                elem_id="python",
            )

    def _connect(self, gr: Any, timer: Any) -> None:
        shown = [
            self.notice, self.photos, self.demo, self.wall, self.mask, self.method, self.make,
            self.make_all, self.stage, self.stop, self.download, self.get_mask, self.history,
            self.lines, self.command, self.python,
        ]  # fmt: skip

        def on(event: Any, act: Callable[..., None], inputs: Any = ()) -> None:
            def handle(request: gr.Request, *values: Any) -> Any:
                return self._act(request.session_hash, act, *values)

            event(handle, list(inputs), shown, show_progress="hidden", queue=False)

        def dropping(place: Any, act: Callable[[Session, Any], None]) -> None:
            def handle(request: gr.Request, dropped: Any) -> Any:
                changes = self._act(request.session_hash, act, dropped)
                return {**changes, place: None}  # free for the next file

            event = place.upload
            event(handle, place, [*shown, place], show_progress="hidden", queue=False)

        def choosing(event: Any, act: Callable[[Session, str], None]) -> None:
            def handle(chosen: gr.EventData, request: gr.Request) -> Any:
                return self._act(request.session_hash, act, chosen.key)

            event(handle, None, shown, show_progress="hidden", queue=False)

        look = [self.method, self.strength, self.size, self.colors, self.quality]
        choosing(self.photos.select, Session.choose_photo)
        choosing(self.wall.select, Session.choose_style)
        choosing(self.history.select, Session.choose_job)
        choosing(self.mask.input, Session.paint_mask)
        dropping(self.drop, Session.add_photos)
        dropping(self.drop_painting, Session.add_painting)
        on(self.demo.click, Session.add_demo)
        for button, every in ((self.make, False), (self.make_all, True)):
            on(button.click, partial(self.studio.make_chosen, every=every), look)
        on(self.stop.click, self.studio.stop_shown)
        on(timer.tick, lambda _: None)
        on(self.blocks.load, lambda session: session.sent.clear())

        def end(request: gr.Request) -> None:
            self.studio.end(request.session_hash)

        self.blocks.unload(end)

    def _act(self, key: str, act: Callable[..., None], *values: Any) -> dict[Any, Any]:
        """Act on a session, and return the changes for the page."""
        session = self.studio.session(key)
        with session.lock:
            try:
                act(session, *values)
            except StylizeError as error:
                session.notice = explain(error)[0]
            self.studio.show_wall(session)
            return self._changes(session)

    def _changes(self, session: Session) -> dict[Any, Any]:
        """Return the parts of the page that the tab does not show yet."""
        studio, job, gr = self.studio, session.shown, _gradio()
        done = job is not None and job.state == "done"
        ends = job is not None and job.state in ("waiting", "running")
        style = studio.chosen_style(session)
        ready = session.photo is not None and style is not None
        clip = session.photo is not None and session.photo.still is not None
        noun, kept = (job.recipe.noun, job.kept) if job else ("picture", "the best")
        file = str(job.file) if job and job.file else None
        mask = str(job.mask_file) if job and job.mask_file else None
        wanted: dict[Any, dict[str, Any]] = {
            self.notice: {"value": markup.notice(session.notice)},
            self.photos: {"value": markup.photos(session)},
            self.demo: {"visible": not session.photos},
            self.wall: {"value": markup.wall(session, studio.styles, studio.samples)},
            self.mask: {"value": markup.mask(session)},
            self.method: {"visible": style is not None and style.painting is not None and not clip},
            self.make: {
                "value": "Make the clip" if clip else "Make the picture",
                "interactive": ready,
            },
            self.make_all: {
                "value": f"Make all {len(session.photos)}",
                "visible": ready and len(session.photos) > 1,
            },
            self.stage: {"value": markup.stage(job, session, studio.ahead_of(job) if job else 0)},
            self.stop: {"value": f"Stop and keep {kept}", "visible": ends},
            self.download: {"value": file, "visible": file is not None},
            self.get_mask: {"value": mask, "visible": mask is not None},
            self.history: {"value": markup.history(session)},
            self.lines: {
                "label": f"The same {noun} by command or in Python",
                "visible": done,
            },
            self.command: {"value": job.recipe.command() if job and done else ""},
            self.python: {"value": job.recipe.python() if job and done else ""},
        }
        changed = {part: now for part, now in wanted.items() if session.sent.get(part) != now}
        session.sent.update(changed)
        # Gradio accepts no empty answer.
        return {part: gr.update(**now) for part, now in changed.items()} or {self.notice: gr.skip()}

    def _title(self, name: str) -> str:
        return f"{name}: {self.studio.methods[name].summary}"


def build_page(studio: Studio) -> Any:
    """Return the page, a `gradio.Blocks`, for the sessions of a studio."""
    return Page(studio).blocks


def _gradio() -> Any:
    return import_extra("gradio", "web", "stylize web")
