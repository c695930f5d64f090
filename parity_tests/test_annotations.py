"""Lists of clips: every form is read, every mistake is named with its file and line, and bad clips stop a run or are
counted.
"""

import pickle
import time

import cv2
import numpy as np
import pytest

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import preset
from paddle_tsm.demo.material import write_demo_video
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.lists.bad_clips import BadClip, SkippedClips
from paddle_tsm.lists.check_list import check_list
from paddle_tsm.lists.frame_source import FrameSource


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


FORMS = [
    ("video", {}, "a/b.mp4 3", ("a/b.mp4", (3,), None, 0)),
    ("video", {}, "my video.mp4 3", ("my video.mp4", (3,), None, 0)),
    ("frames", {}, "a/b 250 3", ("a/b", (3,), 250, 0)),
    ("frames", {}, "two words\t250\t3", ("two words", (3,), 250, 0)),
    ("offset", {}, "a/b 10 250 3", ("a/b", (3,), 250, 10)),
    ("video", {"multi_label": True}, "a.mp4 1,4,7", ("a.mp4", (1, 4, 7), None, 0)),
    ("video", {"multi_label": True}, "a.mp4 1 4 7", ("a.mp4", (1, 4, 7), None, 0)),
    ("frames", {"multi_label": True}, "a 250 1,4 7", ("a", (1, 4, 7), 250, 0)),
    ("offset", {"multi_label": True}, "a 0 250 5", ("a", (5,), 250, 0)),
]


@pytest.mark.parametrize("form, options, line, expected", FORMS)
def test_forms(tmp_path, form, options, line, expected):
    path = write(tmp_path / "list.txt", line, "", line)
    first, second = read_list(path, form, num_classes=10, **options)
    assert (first.path, first.labels, first.num_frames, first.offset) == expected
    assert (first.line, second.line) == (1, 3) and first.where == f"{path}, line 1"
    assert read_list(path, form, root="root", **options)[0].path == f"root/{expected[0]}"


def test_windows_lines_and_byte_order_mark(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbfa.mp4 1\r\nb.mp4 2\r\n")
    assert [(entry.path, entry.label) for entry in read_list(tmp_path / "list.txt")] == [("a.mp4", 1), ("b.mp4", 2)]


MISTAKES = [
    ("video", {}, "a.mp4 cat", "label: got 'cat', wanted a whole number"),
    ("video", {}, "a.mp4 -1", "label: got '-1'"),
    ("video", {}, "a.mp4 1.0", "label: got '1.0'"),
    ("video", {}, "a.mp4 1_0", "label: got '1_0'"),
    ("video", {}, "a.mp4 10", "label 10, wanted 0 to 9 for 10 classes"),
    ("video", {}, "a.mp4", "got 'a.mp4', wanted 'path label'"),
    ("video", {}, "a.mp4 1,4", "label: got '1,4'"),
    ("video", {"multi_label": True}, "a.mp4 1,4,40", "label 40, wanted 0 to 9"),
    ("video", {"multi_label": True}, "a.mp4 1,1", r"labels: got \[1, 1\], one of them twice"),
    ("video", {"multi_label": True}, "a.mp4 ,", "no label"),
    ("frames", {}, "a 3", "got 'a 3', wanted 'path num_frames label'"),
    ("frames", {}, "a 0 3", "frame count: got 0, wanted at least 1"),
    ("frames", {}, "a b 3", "frame count: got 'b'"),
    ("offset", {}, "a x 10 3", "offset: got 'x'"),
    ("offset", {}, "a 10 3", "got 'a 10 3', wanted 'dir offset num_frames label'"),
]


@pytest.mark.parametrize("form, options, line, message", MISTAKES)
def test_mistakes_are_named(tmp_path, form, options, line, message):
    good = {"video": "x 1", "frames": "x 9 1", "offset": "x 0 9 1"}[form]
    path = write(tmp_path / "list.txt", good, good, line, good)
    with pytest.raises(ValueError, match=f"list.txt, line 3: {message}"):
        read_list(path, form, num_classes=10, **options)


def test_lists_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="list.txt: the list is empty; wanted a line for each clip"):
        read_list(write(tmp_path / "list.txt", "", " "))
    with pytest.raises(FileNotFoundError, match="none.txt"):
        read_list(tmp_path / "none.txt")
    (tmp_path / "video.mp4").write_bytes(b"\x00\xff\xfe\x80" * 10)
    with pytest.raises(ValueError, match="video.mp4, line 1: not text in UTF-8"):
        read_list(tmp_path / "video.mp4")
    with pytest.raises(ValueError, match="list form: got 'clips', wanted one of video, frames, offset"):
        read_list(tmp_path / "list.txt", "clips")


def test_several_labels_where_one_is_wanted(tmp_path):
    entry = read_list(write(tmp_path / "list.txt", "a 1,2"), multi_label=True)[0]
    with pytest.raises(ValueError, match="line 1: a has labels .1, 2., wanted one"):
        entry.label


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """good.mp4, also.mp4, empty.mp4 (zero bytes), text.mp4 (no video), one.avi (one frame); gone.mp4 is missing."""
    root = tmp_path_factory.mktemp("videos")
    for name in ("good", "also"):
        write_demo_video(str(root / f"{name}.mp4"), frames=20)
    (root / "empty.mp4").write_bytes(b"")
    (root / "text.mp4").write_bytes(b"this is no video" * 200)
    writer = cv2.VideoWriter(str(root / "one.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (80, 60))
    writer.write(np.full((60, 80, 3), 90, "uint8"))
    writer.release()
    return root


def test_a_hundred_thousand_lines_with_one_bad(videos, tmp_path):
    """A wrong label is found while the list is read, a missing file when each of its 1000 files is looked for."""
    lines = [f"{videos}/links/{i % 1000}.mp4 {i % 10}" for i in range(100_000)]
    (videos / "links").mkdir()
    for i in range(1000):
        (videos / "links" / f"{i}.mp4").hardlink_to(videos / "good.mp4")
    start = time.perf_counter()
    lines[77_777] += "x"
    with pytest.raises(ValueError, match="list.txt, line 77778: label: got '7x'"):
        read_list(write(tmp_path / "list.txt", *lines), num_classes=10)
    lines[77_777] = f"{videos}/gone.mp4 7"
    entries = read_list(write(tmp_path / "list.txt", *lines), num_classes=10)
    with pytest.raises(BadClip, match="list.txt, line 77778: .*gone.mp4: no such video file"):
        check_list(entries, progress=False)
    assert len(entries) == 100_000 and time.perf_counter() - start < 20


BAD = {"empty.mp4": "the file is empty", "text.mp4": "OpenCV cannot open it", "gone.mp4": "no such video file"}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_video_stops_with_its_name_and_line(videos, tmp_path, name):
    path = write(tmp_path / "list.txt", "good.mp4 0", "one.avi 1", f"{name} 2", "also.mp4 3")
    entries = read_list(path, root=videos)
    message = f"list.txt, line 3: .*{name}: {BAD[name]}"
    with pytest.raises(BadClip, match=message):
        check_list(entries, progress=False)
    reader = ClipReader(entries, preset("mmaction2", size=32))
    assert reader[0][0].shape == reader[1][0].shape == (8, 3, 32, 32)
    with pytest.raises(BadClip, match=message):
        reader[2]


def test_skipped_clips_are_counted_and_never_replaced(videos, tmp_path):
    path = write(tmp_path / "list.txt", *(f"{name} {i}" for i, name in enumerate(["good.mp4", *BAD, "also.mp4"])))
    entries = read_list(path, root=videos)
    good, bad = check_list(entries, skip_bad=True, progress=False)
    assert [entry.label for entry in good] == [0, 4]
    assert [clip.where for clip in bad] == [f"{path}, line {i}" for i in (2, 3, 4)]

    reader, skipped = ClipReader(entries, preset("mmaction2", size=32), skip_bad=True), SkippedClips()
    for epoch in range(2):  # a clip counts once
        samples = [pickle.loads(pickle.dumps(reader[i])) for i in range(5)]
        new = [skipped.add(sample) for sample in samples if isinstance(sample, BadClip)]
        kept = [sample for sample in samples if not isinstance(sample, BadClip)]
        assert new == [epoch == 0] * 3
        assert [labels for _, labels, _ in kept] == [(0,), (4,)]
        assert np.array_equal(kept[1][0], reader[4][0]) and [index for _, _, index in kept] == [0, 4]
    assert len(skipped) == 3
    report = skipped.report().splitlines()
    assert report[0] == "3 clips were skipped:" and all(name in line for name, line in zip(BAD, report[1:]))
    assert SkippedClips().report() == "no clip was skipped"


def test_a_missing_frame_stops_with_its_name_and_line(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for i in range(1, 21):
            cv2.imwrite(str(tmp_path / folder / f"{i:06d}.jpg"), np.full((40, 50, 3), 9 * i, "uint8"))
    entries = read_list(write(tmp_path / "list.txt", "a 20 0", "b 20 1"), "frames", root=tmp_path)
    source = FrameSource("{:06d}.jpg")
    assert check_list(entries, source, depth="all", progress=False) == (entries, [])
    (tmp_path / "b" / "000012.jpg").unlink()
    message = "list.txt, line 2: .*000012.jpg: missing frame"
    with pytest.raises(BadClip, match=message):
        check_list(entries, source, progress=False)
    reader = ClipReader(entries, preset("mmaction2", size=32), source=source)
    reader[0]
    with pytest.raises(BadClip, match=message):
        reader[1]
    with pytest.raises(BadClip, match="line 1: .*no frame count"):
        ClipReader(read_list(write(tmp_path / "video.txt", "a 0"), root=tmp_path), preset("mit"), source=source)[0]
    (tmp_path / "b" / "000012.jpg").write_bytes((tmp_path / "b" / "000001.jpg").read_bytes()[:-30])
    check_list(entries, source, depth="first", progress=False)
    with pytest.raises(BadClip, match="list.txt, line 2: .*000012.jpg: damaged frame"):
        check_list(entries, source, depth="all", progress=False)


def test_offset_and_first_number(tmp_path):
    """Frame i of a clip is file first + offset + i."""
    for i in range(30):
        cv2.imwrite(str(tmp_path / f"{i:05d}.png"), np.full((8, 8, 3), i, "uint8"))
    entry = read_list(write(tmp_path / "list.txt", ". 10 5 0"), "offset", root=tmp_path)[0]
    for first in (0, 1):
        frames = FrameSource("{:05d}.png", first).read(entry, lambda count: np.arange(count))
        assert [int(frame[0, 0, 0]) for frame in frames] == [10 + first + i for i in range(5)]


def test_progress_goes_to_stderr(videos, tmp_path, capsys):
    check_list(read_list(write(tmp_path / "list.txt", "good.mp4 0"), root=videos))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("line", "form", "wanted"),
    [
        ("a.mp4,3", "video", ("a.mp4", 3, None)),
        ("my clip.mp4,3", "video", ("my clip.mp4", 3, None)),
        ("a.mp4, 3", "video", ("a.mp4", 3, None)),
        ("a,b.mp4 3", "video", ("a,b.mp4", 3, None)),
        ("a,1 b.mp4 3", "video", ("a,1 b.mp4", 3, None)),
        ("dir,30,3", "frames", ("dir", 3, 30)),
        ("#1.mp4 3", "video", ("#1.mp4", 3, None)),
    ],
)
def test_commas_and_hashes_in_a_line(tmp_path, line, form, wanted):
    (tmp_path / "list.txt").write_text(f"# made by hand\n{line}\n")
    (entry,) = read_list(tmp_path / "list.txt", form)
    assert (entry.path, entry.label, entry.num_frames) == wanted


@pytest.mark.parametrize("line", ["a.mp4,b", "a.mp4;3", "a.mp4"])
def test_a_line_without_a_label_is_refused_still(tmp_path, line):
    (tmp_path / "list.txt").write_text(line + "\n")
    with pytest.raises(ValueError, match="list.txt, line 1"):
        read_list(tmp_path / "list.txt")


def test_root_is_suggested_where_every_path_misses(tmp_path):
    for folder, hint in ((tmp_path, "start from the list's own folder: --root"), (tmp_path / "away", "--root says")):
        folder.mkdir(exist_ok=True)
        (folder / "list.txt").write_text("".join(f"clip{i}.mp4 {i}\n" for i in range(3)))
        for i in range(3 if folder == tmp_path else 0):
            (folder / f"clip{i}.mp4").write_bytes(b"x")
        with pytest.raises(BadClip, match=hint):
            check_list(read_list(folder / "list.txt"), depth="exists")
    with pytest.raises(BadClip) as raised:  # one of many is missing: that is no matter of the root
        (tmp_path / "list.txt").write_text("clip9.mp4 0\nclip1.mp4 1\n")
        check_list(read_list(tmp_path / "list.txt", root=tmp_path), depth="exists")
    assert "--root" not in str(raised.value)
