"""The parts of the page that show pictures, as HTML with embedded pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote

from stylize_web.clipjob import ClipJob
from stylize_web.job import Job
from stylize_web.session import MOVE, REMOVE, Session
from stylize_web.styles import Style

__all__ = ["history", "mask", "notice", "photos", "stage", "wall"]


def photos(session: Session) -> str:
    """Return the photographs and clips, with the chosen one marked."""
    if not session.photos:
        return ""
    tiles = (
        _tile(str(number), photo.name, session.views[photo.path], photo == session.photo)
        for number, photo in enumerate(session.photos)
    )
    links = [(REMOVE, "Remove it")]
    if session.photo and not session.photo.still:
        links.insert(0, (MOVE, "Use it as a painting"))
    buttons = "".join(
        f'<button type="button" class="link" data-key="{key}">{said}</button>'
        for key, said in links
    )
    chosen = f'<div class="links">{buttons}</div>' if session.photo else ""
    return _group("Photographs and clips", "small", tiles) + chosen


def wall(session: Session, styles: Iterable[Style], samples: Mapping[str, bytes]) -> str:
    """Return the styles, each on the chosen photograph as soon as its thumbnail is ready.

    Args:
        samples: the thumbnails to show without a photograph, by style.
    """
    tiles = []
    for style in (*session.paintings, *styles):
        made = session.thumbnails.get((session.photo.path, style.key)) if session.photo else None
        shown = made or samples.get(style.key, b"")
        if style.painting and not made:
            shown = session.views[style.painting.path]
        waits = made == b""
        tiles.append(_tile(style.key, style.title, shown, style.key == session.chosen, waits))
    return _group("Styles", "", tiles)


def stage(job: Job | None, session: Session, ahead: int) -> str:
    """Return the large picture: the chosen photograph, or the job that is shown."""
    if job is None:
        if session.photo is None:
            return _empty(
                "Drop a photograph or a clip, then choose a style",
                "Each style is shown on your own photograph. Everything stays on this machine.",
            )
        return _figure(session.views[session.photo.path], session.photo.name)
    if job.state == "done" and isinstance(job, ClipJob):
        return _player(job)
    if job.state == "done":
        return (
            '<div class="compare" style="--cut:50%">'
            f'<img src="{_url(job.before)}" alt="Photograph" draggable="false">'
            f'<img class="after" src="{_url(job.after)}" alt="Picture" draggable="false">'
            '<span class="cut"></span>'
            '<input type="range" min="0" max="100" value="50" step="0.1" '
            'aria-label="Before and after"></div>'
            f'<p class="told">{escape(job.recipe.output)} · {escape(job.told)}</p>'
        )
    if job.state == "failed":
        return f'<div class="empty failed" role="alert"><b>{escape(job.error)}</b></div>'
    if job.state == "dropped":
        return _empty("Stopped before it began", "")
    if job.state == "waiting":
        said = f"{ahead} before this one" if ahead else "Next in the queue"
    else:
        said = job.status
    view = job.preview or session.views.get(job.recipe.photo.path, b"")
    done = job.progress.fraction if job.progress else 0
    so_far = _figure(view, "The picture so far", "live" if job.preview else "faded")
    strip = _strip(job.strip) if isinstance(job, ClipJob) else ""
    return (
        f'{so_far}{strip}<div class="bar" role="progressbar" aria-label="Progress" '
        f'aria-valuenow="{done * 100:.0f}">'
        f'<span style="width:{done * 100:.1f}%"></span></div><p class="told">{escape(said)}</p>'
    )


def history(session: Session) -> str:
    """Return the pictures and clips of this session, also those to come, latest first."""
    tiles = [
        _tile(
            str(number),
            job.recipe.output + (": failed" if job.state == "failed" else ""),
            job.tile or session.views[job.recipe.photo.path],
            job is session.shown,
            job.state in ("waiting", "running"),
        )
        for number, job in enumerate(session.jobs)
        if job.state != "dropped"
    ]
    return _group("History of this session", "small", reversed(tiles)) if tiles else ""


def mask(session: Session) -> str:
    """Return the chosen photograph with a canvas over it."""
    if session.photo is None:
        return '<p class="hint">Drop a photograph first.</p>'
    if session.photo.still:
        return '<p class="hint">Masks are for photographs. A clip is stylised as a whole.</p>'
    return (
        f'<div class="mask"><img src="{_url(session.views[session.photo.path])}" alt="">'
        '<canvas aria-label="Mask"></canvas></div><div class="tools"><label>Brush <input '
        'type="range" class="brush" min="2" max="40" value="12"></label>'
        '<button type="button" class="link erase" aria-pressed="false">Erase</button>'
        '<button type="button" class="link clear">Clear</button></div>'
        '<p class="hint">Paint the area for the style. The rest stays unchanged.</p>'
    )


def notice(text: str) -> str:
    """Return a message about a problem."""
    lines = "<br>".join(escape(line) for line in text.splitlines())
    return f'<p class="notice" role="alert">{lines}</p>' if text else ""


def _player(job: ClipJob) -> str:
    file = quote(str(job.file))
    warnings = "".join(f'<p class="told">{escape(warning)}</p>' for warning in job.warnings)
    return (
        f'<div class="figure"><video src="gradio_api/file={file}" controls loop playsinline '
        f'aria-label="Clip"></video></div>'
        f'<p class="told">{escape(job.recipe.output)} · {escape(job.told)}</p>{warnings}'
    )


def _strip(frames: Iterable[bytes]) -> str:
    images = "".join(f'<img src="{_url(frame)}" alt="">' for frame in frames)
    return f'<div class="strip" role="img" aria-label="Latest frames">{images}</div>'


def _group(label: str, kind: str, tiles: Iterable[str]) -> str:
    return f'<div class="tiles {kind}" role="group" aria-label="{label}">{"".join(tiles)}</div>'


def _tile(key: str, title: str, picture: bytes, chosen: bool, waits: bool = False) -> str:
    image = f'<img src="{_url(picture)}" alt="">' if picture else ""
    return (
        f'<button type="button" class="tile{" waits" * waits}" data-key="{escape(key)}" '
        f'aria-pressed="{str(chosen).lower()}" title="{escape(title)}">'
        f'<span class="picture">{image}</span><span class="name">{escape(title)}</span></button>'
    )


def _figure(picture: bytes, title: str, kind: str = "") -> str:
    return f'<div class="figure {kind}"><img src="{_url(picture)}" alt="{escape(title)}"></div>'


def _empty(title: str, text: str) -> str:
    return f'<div class="empty"><b>{title}</b><span>{text}</span></div>'


def _url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
