"""The scripts of the npm package onnxruntime-web, which run networks in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from stylize.errors import UsageError, WeightsUnavailableError

__all__ = ["PACKAGE", "VERSION", "read_runtime"]

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
# The hash of that version's archive, from the registry.
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
# WebAssembly only, in one script and one module. Not .mjs, which some web servers do not know.
SCRIPTS = {
    "dist/ort.wasm.bundle.min.mjs": "ort.js",
    "dist/ort-wasm-simd-threaded.wasm": "ort.wasm",
}
# Seconds after which npm, which fetches 33 MB, is stopped.
PATIENCE = 600
ARCHIVE = f"{PACKAGE}-{VERSION}.tgz"


def read_runtime(package: Path | None) -> tuple[str, dict[str, bytes]]:
    """Return the version and the scripts, by their names in a page.

    Args:
        package: the npm package, as an archive or a folder; with None, npm downloads `VERSION`,
            which is checked against its hash.

    Raises:
        UsageError: `package` is missing or something else.
        WeightsUnavailableError: it cannot be downloaded, or its hash is wrong.
    """
    if package is not None:
        return _read(package)
    with tempfile.TemporaryDirectory() as folder:
        return _read(_download(Path(folder)))


def _read(package: Path) -> tuple[str, dict[str, bytes]]:
    names = "package.json", *SCRIPTS
    try:
        if package.is_dir():
            contents = [(package / name).read_bytes() for name in names]
        else:
            with tarfile.open(package) as archive:
                contents = [_member(archive, f"package/{name}") for name in names]
        described = json.loads(contents[0])
        if described["name"] != PACKAGE:
            raise KeyError(f"its package.json names {described['name']}")
    except (OSError, tarfile.TarError, EOFError, LookupError, TypeError, ValueError) as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        raise UsageError(
            f"{package}: is not the npm package {PACKAGE} ({reason}): give its archive, such as "
            f"{ARCHIVE}, or its folder"
        ) from error
    return described["version"], dict(zip(SCRIPTS.values(), contents[1:], strict=True))


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is not a file")
    return file.read()


def _download(folder: Path) -> Path:
    """Let npm download the archive into a folder, and return its path."""
    if os.environ.get("STYLIZE_OFFLINE") == "1":
        raise _unavailable("STYLIZE_OFFLINE=1 is set")
    npm = shutil.which("npm")
    if npm is None:
        raise _unavailable("npm is not installed")
    command = [npm, "pack", "--silent", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unavailable(str(error)) from error
    archive = folder / ARCHIVE
    if done.returncode or not archive.is_file():
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise _unavailable(f"npm: {said[-1]}")
    digest = hashlib.sha512(archive.read_bytes()).digest()
    if base64.b64encode(digest).decode() != SHA512:
        raise _unavailable(f"npm returned something other than the published {ARCHIVE}")
    return archive


def _unavailable(why: str) -> WeightsUnavailableError:
    return WeightsUnavailableError(
        f"--web: {PACKAGE} {VERSION} cannot be downloaded ({why}): install Node.js and connect to "
        f"the internet, or give the npm package with --onnxruntime-web {ARCHIVE}"
    )
