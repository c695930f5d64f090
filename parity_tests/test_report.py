"""The report page: complete, self-contained, and, where Chromium is installed, rendered at a phone's width."""

import base64
import re
import shutil
import struct
import subprocess
from html.parser import HTMLParser

import pytest

from paddle_tsm.parity.checkpoint_pair import compare_files, read_pair
from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.differences import DIFFERENCES
from paddle_tsm.parity.report.report_folder import HEADING, PLOTS
from paddle_tsm.parity.report.report_page import write_page
from paddle_tsm.parity.steps import seeded_batches
from paddle_tsm.parity.training_comparison import TrainingRequest

SECTIONS = [
    "Forward",
    "Gradients",
    "Training",
    "float32 against its own noise",
    "Weights",
    "Known differences of the frameworks",
    "Environment",
]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def report_folder(tmp_path_factory, r18_file):
    a, b = read_pair(r18_file, num_segments=2)
    batches = seeded_batches(a.network, 2, 2, 64)
    training = TrainingRequest(batches, steps=True, float32=True, plots=True, lr=1e-3)
    report = compare_files(a, b, batches[0][0], training=training)
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    assert write_page(report, folder) == folder / "index.html"
    return folder


class Page(HTMLParser):
    """Tags that are open, images, headings, and every attribute that could load something."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.headings, self.links, self.words = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        if tag == "img":
            assert attributes["alt"]
            self.images.append(attributes["src"])
        self.links += [value for name, value in attributes.items() if name in ("src", "href", "action", "srcset")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def is_png(data):
    """Whether it is a PNG of more than a few pixels."""
    return data[:8] == b"\x89PNG\r\n\x1a\n" and min(struct.unpack(">II", data[16:24])) > 100


def test_page_is_complete_and_self_contained(report_folder):
    text = (report_folder / "index.html").read_text()
    page = Page(text)
    assert page.open == [] and page.headings == SECTIONS
    assert all(link.startswith("data:") for link in page.links)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "<script" not in text and "viewport" in text and "prefers-color-scheme: dark" in text
    images = [base64.b64decode(source.split(",", 1)[1], validate=True) for source in page.images]
    assert len(images) == len(PLOTS) and all(map(is_png, images))
    beside = {path.stem: path.read_bytes() for path in report_folder.glob("*.png")}
    assert set(beside) == set(PLOTS)
    assert HEADING in text, "an older page is known by its heading"
    assert set(beside.values()) == set(images)
    assert {path.suffix for path in report_folder.iterdir()} == {".png", ".html"}  # nothing temporary stays


def test_page_says_what_it_must(report_folder, r18_file):
    words = " ".join(Page((report_folder / "index.html").read_text()).words)
    assert "Equal." in words and words.index("Equal.") < words.index("Forward")
    assert all(row.name in words and row.measured in words for row in DIFFERENCES)
    assert "backbone.layer4.1.conv2.conv.weight" in words and "512x512x3x3" in words  # the file's own keys
    assert "0.1" in words and "paddlepaddle" in words and "3." in words
    assert str(r18_file.parent) not in words and r18_file.name in words  # a file's name, not where it lies


def test_page_of_a_breach_says_so(tmp_path, r18_file):
    """The verdict at the top is the report's, not a constant."""
    a, b = read_pair(r18_file, num_segments=2)
    report = compare_files(a, b, seeded_batches(a.network, 1, 4, 32)[0][0])
    assert report.equal
    report.rows[0] = ComparisonRow("layer<1>", "float64", (1,), 1.0, 1.0, 1e-10, "beyond the limit")
    text = write_page(report, tmp_path).read_text()
    page = Page(text)
    assert "They differ." in page.words and "layer<1>" in " ".join(page.words) and "layer<1>" not in text
    assert "Gradients" not in page.headings and page.images == []  # no empty sections


def chromium(folder, *arguments):
    """Run the page's browser without a display; returns its output and its log."""
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--hide-scrollbars",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--v=0",
        f"--user-data-dir={folder}",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


# an iframe of a phone's width, since a window may be wider than asked for; the result is what --dump-dom shows
PROBE = """<!doctype html><p id=result></p><script>
const f = document.createElement("iframe");
f.style = "width:390px;height:4000px;border:0";
f.onload = () => {{ const d = f.contentDocument; {script}
const wide = [...d.querySelectorAll("body *")].filter(e => !e.parentElement.closest(".wide"))
  .filter(e => e.getBoundingClientRect().right > 390.5).map(e => e.tagName);
const images = [...d.images].filter(i => !i.complete || i.naturalWidth < 100).length;
result.textContent = "width " + d.documentElement.scrollWidth + " wide " + wide.length + " broken " + images; }};
f.src = "page.html";
document.body.append(f);
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    "script, fits",
    [
        ("", True),
        ("d.querySelector('h1').style.width = '500px';", False),  # the probe can fail
    ],
    ids=["page", "made too wide"],
)
def test_page_in_a_browser(report_folder, tmp_path, script, fits):
    shutil.copy(report_folder / "index.html", tmp_path / "page.html")
    (tmp_path / "probe.html").write_text(PROBE.format(script=script))
    done = chromium(
        tmp_path / "profile",
        "--allow-file-access-from-files",
        "--dump-dom",
        "--virtual-time-budget=5000",
        (tmp_path / "probe.html").as_uri(),
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    assert ("width 390 wide 0 broken 0" in done.stdout) == fits, done.stdout[-300:]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_console_errors_would_be_seen(tmp_path):
    (tmp_path / "page.html").write_text("<script>undefinedFunction()</script>")
    done = chromium(tmp_path / "profile", "--dump-dom", (tmp_path / "page.html").as_uri())
    assert "CONSOLE" in done.stderr
