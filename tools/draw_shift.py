"""Draw docs/shift.png, which shows the frame that the shift takes each channel from.

    python tools/draw_shift.py

The picture comes from the running code. Each frame of the input holds its own number in all its channels, so that a
value of the output says which frame it was taken from. 0 is the padding beyond the ends of the clip.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_tsm.runtime import import_paddle

FRAMES, CHANNELS, SHIFT_DIV = 6, 8, 4
TITLES = {
    "future_first": "future_first: MIT, mmaction2",
    "past_first": "past_first: Paddle's operator, PaddleVideo",
    "causal": "causal: online",
}


def sources(shift_order: str) -> np.ndarray:
    """The frame, counted from 1, that each channel of each output frame was taken from; 0 for padding. int [T, C]."""
    paddle = import_paddle()
    from paddle_tsm.models.layers.shift import temporal_shift  # after `import_paddle`, because it imports Paddle

    numbers = np.arange(1, FRAMES + 1, dtype="float32").reshape(FRAMES, 1, 1, 1)  # [T, 1, 1, 1]
    x = paddle.to_tensor(np.broadcast_to(numbers, (FRAMES, CHANNELS, 1, 1)).copy())
    shifted = temporal_shift(x, FRAMES, SHIFT_DIV, shift_order).numpy()
    return shifted.reshape(FRAMES, CHANNELS).astype(int)


def draw(path: Path) -> None:
    """Draw a panel for each shift order into a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(TITLES), figsize=(12, 3.4), layout="constrained")
    colours = pyplot.get_cmap("viridis", FRAMES)
    for axis, (order, title) in zip(axes, TITLES.items(), strict=True):
        for (t, c), source in np.ndenumerate(sources(order)):
            face, hatch = ("white", "///") if source == 0 else (colours(source - 1), None)
            axis.add_patch(pyplot.Rectangle((t, c), 0.94, 0.9, facecolor=face, edgecolor="0.6", hatch=hatch))
            ink = "white" if 0 < source <= FRAMES // 2 else "black"
            axis.text(t + 0.47, c + 0.46, str(source), ha="center", va="center", color=ink, fontsize=9)
        axis.set(xlim=(-0.1, FRAMES), ylim=(CHANNELS, -0.1), title=title, xlabel="frame of the output")
        axis.set_xticks(np.arange(FRAMES) + 0.47, np.arange(1, FRAMES + 1))
        axis.set_yticks(np.arange(CHANNELS) + 0.46, np.arange(CHANNELS))
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    axes[0].set_ylabel("channel")
    figure.suptitle(
        f"The frame that each channel is taken from ({CHANNELS} channels, shift_div {SHIFT_DIV}: a fold is 2)",
        fontsize=11,
    )
    figure.savefig(path, dpi=110, metadata={"Software": None})
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=Path("docs/shift.png"), help="The file to write. Default: %(default)s."
    )
    draw(parser.parse_args().out)


if __name__ == "__main__":
    main()
