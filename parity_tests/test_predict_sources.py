"""`paddle-tsm predict` and `stream` as a user types them, on several sources, some of which cannot be read."""

import csv
import json
import re
import signal

import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from parity_tests.http_videos import send, served
from parity_tests.small_videos import video

NETWORK = {"predict": "w.pth", "stream": "online.pth"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    write_demo_checkpoint(str(folder / "w.pth"), Network("tsm_resnet10", num_classes=4))
    write_demo_checkpoint(str(folder / "online.pth"), Network("tsm_resnet10", num_classes=4, shift_order="causal"))
    (folder / "clips").mkdir()
    for name in ("a.mp4", "clips/b.mp4", "clips/c.mp4"):
        write_demo_video(str(folder / name), frames=20, size=(96, 64), seed=len(name))
    (folder / "bad.mp4").write_bytes(b"this is no video\n" * 100)
    (folder / "sizes.ts").write_bytes(video("mpegts") + video("mpegts", size=(64, 96)))
    whole = video("matroska")
    (folder / "cut.mkv").write_bytes(whole[: len(whole) * 5 // 8])
    return folder


@pytest.fixture
def run(folder, capsys, monkeypatch):
    """run(command, words) -> (exit code, lines of stdout, lines of stderr), ended after a minute."""
    monkeypatch.chdir(folder)

    def too_long(*_):
        raise AssertionError("still running after a minute")

    def run(command, *words):
        capsys.readouterr()
        before = signal.signal(signal.SIGALRM, too_long)
        signal.alarm(60)
        try:
            causal = ["--shift-order", "causal"] if command == "stream" else []
            code = main([command, *words, "--weights", NETWORK[command], "--size", "32", *causal])
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def test_several_sources_and_a_bad_one(run, folder):
    (folder / "list.txt").write_text("# one and a label\nclips/c.mp4 1\nnone.mp4\n")
    code, out, err = run("predict", "a.mp4", "bad.mp4", "clips/b*", "--list", "list.txt", "--json", "--top", "2")
    assert code == 2
    found = [json.loads(line) for line in out]
    assert [one["video"] for one in found] == ["a.mp4", "clips/b.mp4", "clips/c.mp4"]
    assert all(len(one["top"]) == 2 for one in found)
    assert len(err) == 2 and "error: bad.mp4: OpenCV cannot open it" in err[0] and "none.mp4: no such" in err[1]


def test_each_video_has_the_classes_that_it_has_alone(run):
    _, together, _ = run("predict", "a.mp4", "clips/b.mp4", "--json")
    assert together[1:] == run("predict", "clips/b.mp4", "--json")[1]
    first, second = (json.loads(line)["top"][0]["probability"] for line in together)
    assert first != second


def test_tables_name_their_videos(run):
    code, out, err = run("predict", "a.mp4", "clips", "--top", "1")
    assert code == 0 and err == []
    assert [line.strip() for line in out if line.strip().endswith(".mp4")] == ["a.mp4", "clips/b.mp4", "clips/c.mp4"]


def test_standard_input_gives_what_the_file_gives(run, folder, pipe):
    pipe((folder / "a.mp4").read_bytes())
    piped = json.loads(run("predict", "-", "--json")[1][0])
    assert piped.pop("video") == "standard input"
    filed = json.loads(run("predict", "a.mp4", "--json")[1][0])
    assert filed.pop("video") == "a.mp4" and piped == filed


@pytest.mark.parametrize("command", ["stream", pytest.param("predict", marks=pytest.mark.slow)])
def test_an_address_gives_what_the_file_gives(run, folder, command):
    content = (folder / "a.mp4").read_bytes()
    with served(lambda handler: send(handler, content)) as address:
        code, out, _ = run(command, address + "a.mp4", "--json")
    own = [json.loads(line) | {"video": ""} for line in run(command, "a.mp4", "--json")[1]]
    assert code == 0 and [json.loads(line) | {"video": ""} for line in out] == own


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "got no video"),
        (["a.mp4", "clips", "--out", "x.mp4"], "--out: got 3 videos, wanted one"),
        (["-", "--out", "x.mp4"], "--out: got standard input, wanted one video file"),
        (["a.mp4", "--timeout", "0"], "--timeout: got 0"),
        (["a.mp4", "--tries", "-1"], "--tries: got -1"),
        (["a.mp4", "--live"], "--live: got no --window"),
        (["a.mp4", "--window", "0"], "--window: got 0"),
        (["a.mp4", "--window", "2", "--step", "3"], "--step: got 3, wanted at most"),
        (["a.mp4", "--steady", "0.5"], "--steady: got 0.5"),
        (["a.mp4", "--window", "2", "--sampling", "dense"], "--sampling: got dense with --window"),
        (["a.mp4", "--window", "2", "--at-once", "0"], "--at-once: got 0"),
        (["rtsp://127.0.0.1:9/x"], "rtsp://127.0.0.1:9/x: has no end; wanted --window"),
        (["0"], "camera 0: has no end"),
    ],
)
def test_misuse(run, folder, words, said):
    before = sorted(folder.iterdir())
    code, out, err = run("predict", *words)
    assert code == 2 and len(err) == 1 and said in err[0]
    assert sorted(folder.iterdir()) == before and not any("%" in line for line in out)


def test_two_sources_at_once(run):
    code, out, err = run("stream", "a.mp4", "clips/b.mp4")
    assert code == 0 and err == []
    for name in ("a.mp4", "clips/b.mp4"):
        lines = [line for line in out if line.startswith(f"{name}: ")]
        assert "frame      0" in lines[0] and "20 frames, " in lines[-1]
    mixed = [line.removeprefix("clips/b.mp4: ") for line in out if line.startswith("clips/b.mp4: ")]
    assert mixed[:-1] == run("stream", "clips/b.mp4")[1][:-1], "each stream remembers its own frames alone"


FALTERING = {
    "sizes": (["sizes.ts"], 0, ["note: sizes.ts: ", "96x64"]),
    "cut": (["cut.mkv"], 0, ["note: cut.mkv: ", "is it cut off or damaged?"]),
    "no video": (["bad.mp4"], 2, ["error: bad.mp4: OpenCV cannot open it"]),
    "not there": (["none.mp4"], 2, ["error: none.mp4: no such video file"]),
    "refused": (["http://127.0.0.1:9/x.mp4"], 2, ["error: http://127.0.0.1:9/x.mp4: ", "Connection refused"]),
    "rtsp refused": (["rtsp://127.0.0.1:9/x"], 2, ["error: rtsp://127.0.0.1:9/x: Connection refused"]),
}


def windows_for(command: str) -> list[str]:
    return ["--window", "1"] if command == "predict" else []


@pytest.mark.parametrize("command", ["stream", pytest.param("predict", marks=pytest.mark.slow)])
def test_faltering_sources_beside_a_good_one(run, command):
    """A line for each says what is wrong, and what there is of it is labelled, as the good one is."""
    words = [word for words, _, _ in FALTERING.values() for word in words]
    code, out, err = run(command, *words, "a.mp4", "--json", *windows_for(command))
    told = [line for line in err if " frames, " not in line]  # the summaries of stream
    assert code == 2 and len(told) == len(FALTERING), err
    for _, _, said in FALTERING.values():
        assert any(all(part in line for part in said) for line in told), said
    assert {json.loads(line)["video"] for line in out} == {"a.mp4", "sizes.ts", "cut.mkv"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["stream", "predict"])
@pytest.mark.parametrize("name", FALTERING)
def test_each_faltering_source(run, command, name):
    words, code, said = FALTERING[name]
    found, out, err = run(command, *words, "--json", *windows_for(command))
    told = [line for line in err if " frames, " not in line]
    assert found == code and len(told) == 1 and all(part in told[0] for part in said), err
    assert bool(out) == (code == 0)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["stream", "predict"])
def test_a_source_that_stalls(run, command, pipe):
    content = video("mpegts")
    # more than a pipe holds, so that the silence begins when somebody reads
    pipe(content[:90000], 5.0, content[90000:])
    code, out, err = run(command, "-", "--json", *windows_for(command))
    assert code == 0 and json.loads(out[-1])["video"] == "standard input"
    assert err[0] == "note: standard input: no frame for 2 s; waits"
    after = re.fullmatch(r"note: standard input: goes on after ([\d.]+) s", err[1])
    assert after and float(after[1]) > 4.3


@pytest.mark.slow
def test_a_source_that_stays_silent(run, pipe):
    pipe(video("mpegts"), 9.0)
    code, out, err = run("stream", "-", "--json", "--timeout", "1")
    assert code == 2 and out, "what came is labelled"
    assert "error: standard input: nothing came for 1 s" in err[-2] and "frames, " in err[-1]


def test_a_timeline(run, tmp_path):
    place = tmp_path / "new" / "t"
    code, out, err = run("predict", "a.mp4", "--window", "0.2", "--timeline", str(place))
    rows = list(csv.DictReader((place / "a.csv").read_text().splitlines()))
    assert code == 0 and err == [] and len([line for line in out if "%" in line]) == len(rows)
    assert (place / "a.png").read_bytes().startswith(b"\x89PNG")
    assert list(rows[0]) == ["start", "end", "class", "name", "probability"]
    assert float(rows[0]["start"]) == 0 and float(rows[-1]["end"]) == pytest.approx(20 / 30, abs=2e-3)
    assert all(a["end"] == b["start"] for a, b in zip(rows, rows[1:]))


@pytest.mark.slow
def test_a_labelled_copy_of_a_timeline(run, folder):
    from paddle_tsm.videos.open_video import count_frames

    code, _, _ = run("predict", "a.mp4", "--window", "0.2", "--out", "labelled.mp4")
    assert code == 0 and count_frames("labelled.mp4") == 20
    (folder / "labelled.mp4").unlink()


def test_a_window_is_what_predict_says_of_a_video_of_its_length(run):
    """a.mp4 is 20 frames at 30 a second: a window of all of it has the frames that predict takes."""
    span = json.loads(run("predict", "a.mp4", "--json", "--window", "2/3")[1][0])
    top = json.loads(run("predict", "a.mp4", "--json")[1][0])["top"][0]
    assert span["class"] == top["class"] and span["probability"] == pytest.approx(top["probability"], rel=1e-5)


def test_a_timeline_keeps_what_is_read(run, folder):
    (folder / "clips" / "a.csv").write_text("a.mp4\n")
    code, _, err = run("predict", "--list", "clips/a.csv", "--window", "1", "--timeline", "clips")
    assert code == 2 and "--timeline: clips/a.csv is clips/a.csv, which is read" in err[0]
    assert (folder / "clips" / "a.csv").read_text() == "a.mp4\n"


@pytest.mark.slow
def test_videos_of_one_name_have_files_of_their_own(run, folder, tmp_path):
    (folder / "clips" / "a.mp4").write_bytes((folder / "a.mp4").read_bytes())
    assert run("predict", "a.mp4", "clips/a.mp4", "--window", "1", "--timeline", str(tmp_path))[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.csv", "a-2.png", "a.csv", "a.png"]
    (folder / "clips" / "a.mp4").unlink()
