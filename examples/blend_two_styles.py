"""A strip of pictures that goes from one style to another.

python examples/blend_two_styles.py photo.jpg first.jpg second.jpg strip.png [SIZE]
"""

from __future__ import annotations

import sys

from PIL import Image

from stylize import stylize_image


def main(photo: str, first: str, second: str, output: str, size: str = "256") -> None:
    """Write five blends, from all of the first style to all of the second, side by side."""
    pictures = [
        stylize_image(
            photo, [first, second], style_weights=[1 - share, share], size=size, quality="draft"
        ).image
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    width, height = pictures[0].size
    strip = Image.new("RGB", (width * len(pictures), height))
    for place, picture in enumerate(pictures):
        strip.paste(picture, (place * width, 0))
    strip.save(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
