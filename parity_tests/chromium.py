"""A headless Chromium, driven over a pipe in the DevTools protocol. It needs no package.

The browser reads its commands from file descriptor 3 and answers on 4, each message in JSON and a NUL behind it
(`--remote-debugging-pipe`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
# --no-sandbox: root has no sandbox; --disable-dev-shm-usage: containers have a small /dev/shm. The rest keeps it
# silent.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
)
# gives the pipes the numbers that Chromium wants, and becomes Chromium
WITH_PIPES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_chromium() -> str | None:
    """The path of a Chromium on this machine; None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def away(descriptor: int) -> int:
    """The same file under a number that is none of the two that Chromium wants."""
    other = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return other


class Chromium:
    """The browser's process. flags: further ones. `with Chromium() as browser: tab = browser.tab()`."""

    def __init__(self, flags: Sequence[str] = ()):
        path = find_chromium()
        if path is None:
            raise FileNotFoundError(f"no Chromium: looked for {', '.join(NAMES)}")
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        to_browser, self._write = map(away, os.pipe())
        self._read, from_browser = map(away, os.pipe())
        command = [sys.executable, "-c", WITH_PIPES, str(to_browser), str(from_browser)]
        command += [path, f"--user-data-dir={self.profile}", *FLAGS, *flags, "about:blank"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(to_browser, from_browser)
        )
        os.close(to_browser)
        os.close(from_browser)
        self._rest, self._number = b"", 0
        self._answers: dict[int, dict] = {}
        self._sent: set[int] = set()  # whose answers nobody waits for
        self.events: list[dict] = []
        self.parents: dict[str, str] = {}  # session of a worker -> session of what started it

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *error) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._send("Browser.close", None, {})
        os.close(self._write)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._read)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, session: str | None = None, seconds: float = 60, **parameters: Any) -> dict:
        """The result of a command. Raises RuntimeError with the browser's message, and TimeoutError."""
        number = self._send(method, session, parameters)
        self.wait(lambda: number in self._answers, seconds, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _send(self, method: str, session: str | None, parameters: dict) -> int:
        """Send a command and return its number."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        content = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while content:
            content = content[os.write(self._write, content) :]
        return self._number

    def listen(self, session: str) -> None:
        """Have everything told that a page or a worker does, and what workers it starts."""
        attach = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
        commands = {"Runtime.enable": {}, "Log.enable": {}, "Network.enable": {}, "Target.setAutoAttach": attach}
        for method, parameters in (commands | {"Runtime.runIfWaitingForDebugger": {}}).items():
            self._sent.add(self._send(method, session, parameters))

    def _take_in(self, message: dict) -> None:
        number = message.get("id")
        if number in self._sent:
            self._sent.discard(number)
        elif number is not None:
            self._answers[number] = message
        else:
            self.events.append(message)
            if message["method"] == "Target.attachedToTarget" and "sessionId" in message:
                worker = message["params"]["sessionId"]
                self.parents[worker] = message["sessionId"]
                self.listen(worker)

    def wait(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Take in messages until `done()`. Raises TimeoutError that says `what` was waited for."""
        end = time.monotonic() + seconds
        while not done():
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"{what}: no answer of Chromium in {seconds} s")
            piece = os.read(self._read, 1 << 20)
            if not piece:
                raise RuntimeError(f"{what}: Chromium has ended with code {self.process.wait()}")
            *whole, self._rest = (self._rest + piece).split(b"\0")
            for message in map(json.loads, whole):
                self._take_in(message)

    def tab(self) -> Tab:
        """A new tab with a profile of its own: no cookies, no permissions, no service workers of other tabs."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        return Tab(self, context, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])


class Tab:
    """One tab. What its pages and their workers log and ask for is kept: `errors`, `requests`."""

    def __init__(self, browser: Chromium, context: str, session: str):
        self.browser, self.context, self._session = browser, context, session
        browser.listen(session)
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> dict:
        """The result of a command for this tab."""
        return self.browser.call(method, self._session, **parameters)

    def run(self, script: str, seconds: float = 60) -> Any:
        """The value of a JavaScript expression, or of its promise. Raises RuntimeError for what it throws."""
        done = self.browser.call(
            "Runtime.evaluate",
            self._session,
            seconds,
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in done:
            details = done["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return done["result"].get("value")

    def before_scripts(self, script: str) -> None:
        """Run `script` in each page of this tab before the page's own scripts."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def open(self, url: str) -> None:
        """Go to an address, and wait until it is loaded."""
        loads = len(self._heard("Page.loadEventFired"))
        self.call("Page.navigate", url=url)
        self.browser.wait(lambda: len(self._heard("Page.loadEventFired")) > loads, 60, url)

    def close(self) -> None:
        """Close the tab and its profile."""
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def resize(self, width: int, height: int, dark: bool = False) -> None:
        """Give the page so many pixels, and the light or the dark colour scheme."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self) -> str:
        """The whole page as PNG, in base64."""
        return self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]

    def choose_files(self, selector: str, paths: Sequence[str]) -> None:
        """Choose files in the page's <input type=file>."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=list(paths))

    def drop(self, x: int, y: int, paths: Sequence[str]) -> None:
        """Drop files on the page, at a place in pixels."""
        data = {"items": [], "files": list(paths), "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def _heard(self, method: str) -> list[dict]:
        """What this tab, its workers and their workers told of this kind."""
        return [one["params"] for one in self.browser.events if one["method"] == method and self._is_ours(one)]

    def _is_ours(self, event: dict) -> bool:
        session = event.get("sessionId")
        while session not in (None, self._session):
            session = self.browser.parents.get(session)
        return session is not None

    @property
    def errors(self) -> list[str]:
        """Errors of the console and of the browser, and what was thrown and not caught."""
        calls = [one for one in self._heard("Runtime.consoleAPICalled") if one["type"] in ("error", "assert")]
        said = [" ".join(str(a.get("value", a.get("description"))) for a in one["args"]) for one in calls]
        logged = [one["entry"] for one in self._heard("Log.entryAdded")]
        said += [f"{one['text']} {one.get('url', '')}" for one in logged if one["level"] == "error"]
        thrown = [one["exceptionDetails"] for one in self._heard("Runtime.exceptionThrown")]
        return said + [one.get("exception", {}).get("description", one["text"]) for one in thrown]

    @property
    def requests(self) -> list[str]:
        """The address of everything that the page asked for."""
        return [one["request"]["url"] for one in self._heard("Network.requestWillBeSent")]
