"""The numbers of the demo: what it draws, how much it trains on, and what it calls a success."""

from __future__ import annotations

from paddle_tsm.data.motion_videos import CLASSES

# the video of `paddle-tsm demo`
VIDEO_FRAMES = 60
VIDEO_SIZE = (320, 240)  # width, height
VIDEO_RATE = 30.0  # frames a second
DISC_COLOUR = (60, 200, 250)  # BGR

# the training of `paddle-tsm demo --train`
TRAIN_CLIPS = 85  # of each class
VAL_CLIPS = 30  # of each class
CHANCE = 1 / len(CLASSES)  # the top-1 accuracy of guessing
WANTED_TOP1 = 0.95  # the top-1 accuracy of a network that sees the order of the frames
