"""What `tools/count_threads.py` says of starts, and that it counts the threads that work."""

import importlib
import sys
import threading
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("count_threads")


def start(**found):
    return {"threads": 2, "wanted": 2, "mkl": "7", "step": 0.1, "processors": 1.9, "others": 0.0, "free": True} | found


@pytest.mark.parametrize("found, shown, code", [
    ({}, False, 0),
    ({"threads": 1, "processors": 1.0}, True, 1),
    ({"processors": 1.0}, True, 1),  # two threads on one processor
    ({"free": False}, True, 1),
    ({"processors": 1.0, "others": 1.0}, True, 0),  # another process used the other one
    ({"threads": 1, "others": 1.0}, True, 1),
])  # fmt: skip
def test_a_slow_start_is_shown_and_counted(tool, monkeypatch, capsys, found, shown, code):
    starts = iter([start(), start(**found), start()])
    monkeypatch.setattr(tool, "start_one", lambda environment: next(starts))
    monkeypatch.setattr(sys, "argv", ["count_threads.py", "--starts", "3"])
    assert tool.main() == code
    out = capsys.readouterr().out
    assert ("start 2: {" in out) == shown and "start 1" not in out
    assert f"{code} starts were slow by themselves, {int(shown and not code)} because of other processes" in out


def test_the_work_of_each_thread_is_seen(tool):
    before, number = tool.thread_ticks(), []

    def work():
        number.append(str(threading.get_native_id()))
        sum(range(10**7))  # more than a tenth of a second
        after.update(tool.thread_ticks())

    after: dict[str, int] = {}
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert after[number[0]] >= 5 and number[0] not in before
