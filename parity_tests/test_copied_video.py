"""Labelled copies of videos: H.264 with the sound of the source, as `predict --out` and `stream --out` write them."""

import os
from fractions import Fraction

import av
import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network
from paddle_tsm.videos import copied_video
from paddle_tsm.videos.copied_video import complete_copy
from paddle_tsm.videos.video_file import read_frames

RATE, FRAMES, SOUND = 10, 20, 16000
SILENT, TONE = 1.0, 440  # the first second is silent, and the second one is a tone


def sound() -> np.ndarray:
    """Two seconds, int16 [1, samples]."""
    time = np.arange(2 * SOUND) / SOUND
    return np.where(time < SILENT, 0, 20000 * np.sin(2 * np.pi * TONE * time)).astype("int16")[None]


def write_source(path, codec: str | None, size=(96, 96), late: float = 0.0) -> None:
    """A video whose second half is bright and has a tone. codec: of the sound; None for none. late: seconds before the
    first frame in which there is only sound."""
    with av.open(str(path), "w") as file:
        picture = file.add_stream("mpeg4", rate=RATE)
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        track = None if codec is None else file.add_stream(codec, rate=SOUND, layout="mono")
        for i in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 20 + 180 * (i >= FRAMES // 2), "uint8"))
            frame.pts, frame.time_base = i + round(late * RATE), Fraction(1, RATE)
            file.mux(picture.encode(frame))
        file.mux(picture.encode(None))
        if track is not None:
            frame = av.AudioFrame.from_ndarray(np.pad(sound(), [(0, 0), (round(late * SOUND), 0)]), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = SOUND, 0, Fraction(1, SOUND)
            file.mux(track.encode(frame))
            file.mux(track.encode(None))


def heard(path) -> tuple[str, np.ndarray]:
    """(the sound's codec, its samples as float [samples] from 0 seconds on)."""
    with av.open(str(path)) as file:
        track = file.streams.audio[0]
        frames = list(file.decode(track))
        samples = np.concatenate([np.atleast_2d(frame.to_ndarray()).astype("float64")[0] for frame in frames])
        before = float(frames[0].pts * frames[0].time_base)
        return track.codec_context.name, np.pad(samples, (max(0, round(before * SOUND)), 0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copied")
    write_demo_checkpoint(str(folder / "r10.pth"), Network("tsm_resnet10", num_classes=5))
    return folder


WORDS = {
    "predict": ["--weights", "r10.pth", "--size", "32"],
    "stream": ["--weights", "r10.pth", "--shift-order", "causal", "--size", "32"],
}


@pytest.mark.skipif(copied_video.H264 not in av.codecs_available, reason="this PyAV has no encoder for H.264")
@pytest.mark.parametrize("command", WORDS)
@pytest.mark.parametrize(
    "source, codec, out, written",
    [
        ("sound.mp4", "aac", "a.mp4", "aac"),
        ("sound.avi", "pcm_mulaw", "b.mp4", "aac"),  # an .mp4 cannot hold it
        ("sound.avi", "pcm_s16le", "c.avi", "pcm_s16le"),
        ("sound.mkv", "mp3", "d.mp4", "mp3float"),
    ],
)
def test_h264_with_the_sound(folder, capsys, monkeypatch, command, source, codec, out, written):
    monkeypatch.chdir(folder)
    write_source(source, codec)
    assert main([command, source, *WORDS[command], "--out", out]) == 0
    assert "MPEG-4" not in capsys.readouterr().err
    with av.open(out) as file:
        assert file.streams.video[0].codec_context.name == "h264"
        assert file.streams.video[0].average_rate == RATE
    frames = np.stack(read_frames(out, np.arange)).astype(float)[:, 48:]  # below the labels
    originals = np.stack(read_frames(source, np.arange)).astype(float)[:, 48:]
    assert frames.shape == originals.shape and np.abs(frames - originals).max() < 10
    name, samples = heard(out)
    assert name == written and abs(len(samples) / SOUND - FRAMES / RATE) < 0.15
    loud = np.abs(samples) > 0.1 * np.abs(samples).max()
    assert abs(loud.argmax() / SOUND - SILENT) < 0.05, "the tone begins with the bright frames"
    os.unlink(out)


def test_sound_before_the_first_frame_is_left_out(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_source("late.mkv", "aac", late=0.5)
    assert main(["predict", "late.mkv", *WORDS["predict"], "--out", "late.mp4"]) == 0
    samples = heard("late.mp4")[1]
    assert abs((np.abs(samples) > 0.1 * np.abs(samples).max()).argmax() / SOUND - SILENT) < 0.05


def test_the_sound_ends_with_the_frames(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_source("sound.mp4", "aac")
    assert main(["stream", "sound.mp4", *WORDS["stream"], "--frames", "5", "--out", "five.mp4"]) == 0
    assert abs(len(heard("five.mp4")[1]) / SOUND - 0.5) < 0.15


def test_without_sound(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_source("mute.mp4", None)
    assert main(["predict", "mute.mp4", *WORDS["predict"], "--out", "mute_labelled.mp4"]) == 0
    with av.open("mute_labelled.mp4") as file:
        assert len(file.streams) == 1


@pytest.mark.parametrize("command", WORDS)
def test_without_the_encoder(folder, capsys, monkeypatch, command):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {copied_video.H264})
    write_source("sound.mp4", "aac")
    assert main([command, "sound.mp4", *WORDS[command], "--out", "old.mp4"]) == 0
    said = capsys.readouterr().err
    assert said == (
        f"paddle-tsm {command}: old.mp4: is written as MPEG-4, because PyAV has no encoder for H.264 here\n"
    )
    with av.open("old.mp4") as file:
        assert file.streams.video[0].codec_context.name == "mpeg4" and file.streams.audio
    assert len(read_frames("old.mp4", np.arange)) == FRAMES


@pytest.mark.parametrize("size", [(63, 47), (64, 47), (63, 48)])
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_an_odd_size_gets_a_row_or_column_more(tmp_path, size, suffix):
    path, (width, height) = tmp_path / f"odd{suffix}", size
    with complete_copy(path, 30000 / 1001, None) as append:
        for i in range(4):
            append(np.full((height, width, 3), 50 * i, "uint8"))
    frames = np.stack(read_frames(path, np.arange)).astype(int)
    assert frames.shape == (4, 48, 64, 3)
    assert np.abs(frames.mean((1, 2, 3)) - [0, 50, 100, 150]).max() < 4
    with av.open(str(path)) as file:
        assert file.streams.video[0].average_rate == Fraction(30000, 1001)


def test_the_channels_are_blue_green_red(tmp_path):
    frame = np.zeros((720, 1280, 3), "uint8")  # players guess another matrix for large frames
    frame[..., 0] = 250
    with complete_copy(tmp_path / "blue.mp4", 8.0, None) as append:
        append(frame)
    (found,) = read_frames(tmp_path / "blue.mp4", range)  # RGB
    assert found[..., 2].min() > 240 and found[..., :2].max() < 10


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    for name, sizes, said in (
        ("x.mkv", [(48, 64)], "wanted a name that ends in"),
        ("x.mp4", [], "there was no frame to write"),
        ("x.mp4", [(48, 64), (32, 64)], "got a frame of 64x32, wanted 64x48 like the first"),
    ):
        with pytest.raises(ValueError, match=said), complete_copy(tmp_path / name, 8.0, None) as append:
            for size in sizes:
                append(np.zeros((*size, 3), "uint8"))
        assert list(tmp_path.iterdir()) == []
