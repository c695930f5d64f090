"""Heat maps over the frames that they belong to, and a contact sheet of them."""

from __future__ import annotations

import cv2
import numpy as np

from paddle_tsm.terminal.literal_text import literal

SIDE = 160  # pixels of a frame on the sheet, at least; small frames are enlarged by a whole number
COLUMNS = 8  # frames beside each other
MARGIN = 6  # pixels between frames
LINE = 22  # pixels of a line of text
FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.48
INK, FAINT, PAPER = (30, 30, 30), (120, 120, 120), (255, 255, 255)
STRONGEST = 0.75  # the share of the colour where the heat is 1


def over(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The picture, uint8 [H, W, 3] in BGR, coloured where the heat, float [H, W] from 0 to 1, is.

    What is cold stays as it is; what is warm turns green, yellow and red.
    """
    colour = cv2.applyColorMap(np.round(255 * (0.25 + 0.75 * heat)).astype("uint8"), cv2.COLORMAP_TURBO)
    share = STRONGEST * heat[..., None] ** 0.7  # so that half of the heat is seen, too
    return np.round(picture * (1 - share) + colour * share).astype("uint8")


def enlarged(pictures: np.ndarray, side: int = SIDE) -> np.ndarray:
    """The pictures [T, H, W, ...], each pixel repeated, so that their edges are at least `side` pixels."""
    times = max(1, -(-side // max(pictures.shape[1:3])))
    return pictures.repeat(times, 1).repeat(times, 2)


def contact_sheet(
    pictures: np.ndarray, heat: np.ndarray, captions: list[str], title: list[str], bars: list[tuple[str, float]]
) -> np.ndarray:
    """The frames, each with the heat over it below it, a line for each of `title` above and of `bars` below.

    pictures: RGB uint8 [T, H, W, 3]. heat: float [T, H, W]. captions: of the frames. bars: (text, length from 0 to 1).
    Returns uint8 [h, w, 3] in BGR.
    """
    plain = [cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) for picture in pictures]
    hot = [over(picture, one) for picture, one in zip(plain, heat)]
    side = plain[0].shape[1]
    columns = min(COLUMNS, len(plain))
    width = max(columns * (side + MARGIN) + MARGIN, 640)
    rows = [text_row(width, line, INK if i == 0 else FAINT) for i, line in enumerate(title)]
    for start in range(0, len(plain), columns):
        stop = start + columns
        rows.append(captions_row(width, captions[start:stop], side + MARGIN))
        rows += [picture_row(width, some[start:stop]) for some in (plain, hot)]
    rows += [bar_row(width, text, length) for text, length in bars]
    return np.concatenate([*rows, blank(MARGIN, width)])


def blank(height: int, width: int) -> np.ndarray:
    """An empty piece of the sheet."""
    return np.full((height, width, 3), PAPER, "uint8")


def write_text(canvas: np.ndarray, text: str, x: int, colour: tuple[int, int, int]) -> None:
    """Write into a row of one line. OpenCV's font has ASCII only, and other letters become question marks."""
    plain = literal(text).encode("ascii", "replace").decode()
    cv2.putText(canvas, plain, (x, LINE - 6), FONT, SCALE, colour, 1, cv2.LINE_AA)


def text_row(width: int, text: str, colour: tuple[int, int, int]) -> np.ndarray:
    """A line of text."""
    row = blank(LINE, width)
    write_text(row, text, MARGIN, colour)
    return row


def captions_row(width: int, captions: list[str], step: int) -> np.ndarray:
    """A line of text above each frame."""
    row = blank(LINE, width)
    for number, caption in enumerate(captions):
        write_text(row, caption, MARGIN + number * step, FAINT)
    return row


def picture_row(width: int, pictures: list[np.ndarray]) -> np.ndarray:
    """Frames beside each other."""
    height, side = pictures[0].shape[:2]
    row = blank(height + MARGIN, width)
    for number, picture in enumerate(pictures):
        left = MARGIN + number * (side + MARGIN)
        row[:height, left : left + side] = picture
    return row


def bar_row(width: int, text: str, length: float) -> np.ndarray:
    """A bar whose length is a share of the right half of the sheet, and its text on the left."""
    row = blank(LINE, width)
    write_text(row, text, MARGIN, INK)
    left, full = width // 2, width // 2 - MARGIN
    cv2.rectangle(row, (left, 4), (left + full, LINE - 5), (235, 235, 235), -1)
    cv2.rectangle(row, (left, 4), (left + round(full * min(max(length, 0.0), 1.0)), LINE - 5), (160, 110, 40), -1)
    return row
