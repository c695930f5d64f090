"""What a user may name as a video, and which sources that stands for."""

import pytest

from paddle_tsm.sources.video_sources import ADDRESS, CAMERA, FILE, PIPE, VideoSource, find_sources, source_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("b.mp4", "a.AVI", "notes.txt", ".hidden.mp4", "deep/er/c.webm", ".git/d.mp4", "x [1].mp4"):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*words, **options) -> list[str]:
    return [one.name for one in find_sources(words, **options)]


def test_kinds():
    kinds = {"-": PIPE, "0": CAMERA, "rtsp://a/b": ADDRESS, "https://a/b.mp4": ADDRESS, "clip.mp4": FILE, "C:\\a": FILE}
    assert {name: source_of(name).kind for name in kinds} == kinds


def test_the_address_of_a_file_is_its_path(folder):
    assert source_of((folder / "x [1].mp4").as_uri()) == VideoSource(str(folder / "x [1].mp4"))


def test_a_file_with_a_number_for_its_name_is_no_camera(folder):
    (folder / "7").write_bytes(b"")
    assert source_of("7").kind == FILE and source_of("8").kind == CAMERA


def test_a_folder_holds_its_videos_and_those_below(folder):
    assert names("videos") == ["videos/a.AVI", "videos/b.mp4", "videos/deep/er/c.webm", "videos/x [1].mp4"]


def test_patterns(folder):
    assert names("videos/*.mp4") == ["videos/b.mp4", "videos/x [1].mp4"]
    assert names("videos/**/*.webm") == ["videos/deep/er/c.webm"]
    assert names("videos/x [1].mp4") == ["videos/x [1].mp4"], "a file is no pattern"


def test_each_source_once_in_the_order_of_the_words(folder):
    assert names("videos/b.mp4", "-", "videos/*.mp4") == ["videos/b.mp4", "-", "videos/x [1].mp4"]


def test_a_list(folder):
    lines = ["# a comment", "", "b.mp4 3", "x [1].mp4", "a.AVI", "rtsp://camera/1", "none here.mp4"]
    (folder / "list.txt").write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    found = names(list_file="list.txt", root="videos")
    assert found == ["videos/b.mp4", "videos/x [1].mp4", "videos/a.AVI", "rtsp://camera/1", "videos/none here.mp4"]


def test_a_file_is_not_taken_for_its_name_without_a_number(folder):
    (folder / "videos" / "b.mp4 3").write_bytes(b"")
    (folder / "list.txt").write_text("b.mp4 3\n")
    assert names(list_file="list.txt", root="videos") == ["videos/b.mp4 3"]


@pytest.mark.parametrize(
    "words, options, said",
    [
        ((), {}, "got no video"),
        (("empty",), {}, "empty: no video in this folder"),
        (("*.mp4",), {}, r"\*.mp4: no file fits"),
        ((), {"list_file": "blank.txt"}, "blank.txt: names no video"),
        ((), {"list_file": "bytes.txt"}, "bytes.txt: not text"),
    ],
)
def test_what_stands_for_nothing(folder, words, options, said):
    (folder / "empty").mkdir()
    (folder / "blank.txt").write_text("# nothing\n\n")
    (folder / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=said):
        find_sources(words, **options)


def test_a_password_is_not_shown():
    source = VideoSource("rtsp://user:secret@host:554/live", ADDRESS)
    assert source.shown == "rtsp://user:***@host:554/live"
    assert VideoSource("http://host/a@b:c.mp4", ADDRESS).shown == "http://host/a@b:c.mp4"
