"""Draws docs/shift.png: which frame each channel comes from, as the running code answers it.

Run it from a checkout: `python tools/draw_shift.py`. Every frame of the input holds its own number in all channels, so
that a value of the output says which frame it was taken from; 0 is the padding beyond the clip's ends.
"""

import argparse
from pathlib import Path

import numpy as np

from paddle_tsm.runtime import import_paddle

FRAMES, CHANNELS, SHIFT_DIV = 6, 8, 4
TITLES = {
    "future_first": "future_first: MIT, mmaction2",
    "past_first": "past_first: Paddle's operator, PaddleVideo",
    "causal": "causal: online",
}


def sources(shift_order: str) -> np.ndarray:
    """The frame, counted from 1, that each channel of each output frame was taken from; 0 for padding. [T, C]"""
    paddle = import_paddle()
    from paddle_tsm.models.layers.shift import temporal_shift

    numbers = np.arange(1, FRAMES + 1, dtype="float32").reshape(FRAMES, 1, 1, 1)  # [T, 1, 1, 1]
    x = paddle.to_tensor(np.broadcast_to(numbers, (FRAMES, CHANNELS, 1, 1)).copy())
    shifted = temporal_shift(x, FRAMES, SHIFT_DIV, shift_order).numpy()
    return shifted.reshape(FRAMES, CHANNELS).astype(int)


def draw(path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(TITLES), figsize=(12, 3.4), layout="constrained")
    colours = pyplot.get_cmap("viridis", FRAMES)
    for axis, (order, title) in zip(axes, TITLES.items(), strict=True):
        for t, row in enumerate(sources(order)):
            for c, source in enumerate(row):
                face = "white" if source == 0 else colours(source - 1)
                hatch = "///" if source == 0 else None
                axis.add_patch(pyplot.Rectangle((t, c), 0.94, 0.9, facecolor=face, edgecolor="0.6", hatch=hatch))
                dark = 0 < source <= FRAMES // 2
                text = "0" if source == 0 else f"{source}"
                axis.text(
                    t + 0.47, c + 0.46, text, ha="center", va="center", color="white" if dark else "black", fontsize=9
                )
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
    parser.add_argument("--out", type=Path, default=Path("docs/shift.png"), help="(%(default)s)")
    draw(parser.parse_args().out)


if __name__ == "__main__":
    main()
