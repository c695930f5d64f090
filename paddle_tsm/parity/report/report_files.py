"""The parity report for programs: JSON and JUnit XML, of a comparison that was made and of one that could not be."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.parity.report.findings import Findings
from paddle_tsm.parity.report.report_text import about_networks, notes, verdict
from paddle_tsm.terminal.literal_text import literal

AnyPath = str | os.PathLike[str]


def write_json(report: Findings, path: AnyPath) -> None:
    """Write the verdict, the rows and the seconds as JSON. NaN and infinity, which JSON does not have, become null."""
    content = {
        "equal": report.equal,
        "verdict": verdict(report),
        "first_layer": report.first_layer,
        "error": None,
        "rows": [asdict(row) | {"passed": row.passed} for row in report.rows],
        "causes": [asdict(cause) for cause in report.diagnosed],
        "options": [asdict(one) for one in report.options],
        "notes": [*about_networks(report), *notes(report)],
        "seconds": report.seconds,
    }
    if report.gradients:
        found = report.gradients
        content["gradients"] = {"first": found.first, "errors": found.errors, "vanishing": found.vanishing}
    if report.steps:
        content["steps"] = {"losses": report.steps.losses, "differences": report.steps.differences}
    if report.gaps:
        content["float32_gap"] = [asdict(gap) | {"ratios": gap.ratios} for gap in report.gaps]
    if report.alignment:
        pairs = asdict(report.alignment)
        content["alignment"] = {name: pairs[name] for name in ("layers", "tensors", "left_out")}
    write_content(content, path)


def write_json_error(reason: str, path: AnyPath) -> None:
    """Write as JSON that the two could not be compared: not equal, without rows, and "error" is the reason."""
    content = {
        "equal": False,
        "verdict": f"could not be compared: {reason}",
        "first_layer": None,
        "error": reason,
        "rows": [],
        "causes": [],
        "options": [],
        "notes": [],
        "seconds": {},
    }
    write_content(content, path)


def write_content(content: dict[str, Any], path: AnyPath) -> None:
    """Write the content as JSON. The file appears whole or not at all."""
    with atomic_file(path) as file:
        file.write((json.dumps(finite(content), indent=2, allow_nan=False) + "\n").encode())


def finite(content: Any) -> Any:
    """The content with None for every NaN and infinite number."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_junit(report: Findings, path: AnyPath) -> None:
    """Write one JUnit test case for each row, so that a CI system says which output differs.

    How the networks themselves and the frameworks differ stands in the suite's properties, in front of the cases.
    """
    failures = sum(not row.passed for row in report.rows)
    suite = suite_of(len(report.rows), failures=failures)
    lines = [("networks", line) for line in about_networks(report)] + [("known", line) for line in report.known]
    if lines:
        properties = ElementTree.SubElement(suite, "properties")
        for name, line in lines:
            ElementTree.SubElement(properties, "property", name=name, value=printable(line))
    for row in report.rows:
        case = ElementTree.SubElement(suite, "testcase", classname=f"parity.{row.precision}", name=literal(row.name))
        if not row.passed:
            text = f"{row.problem}: {row.max_rel:.3e} relative, limit {row.limit:.3e}"
            ElementTree.SubElement(case, "failure", message=printable(text)).text = printable(
                "\n".join([verdict(report), *report.causes])
            )
    write_suite(suite, path)


def write_junit_error(reason: str, path: AnyPath) -> None:
    """Write one JUnit test case that ended in an error, for a comparison that could not be made."""
    suite = suite_of(1, errors=1)
    case = ElementTree.SubElement(suite, "testcase", classname="parity", name="comparison")
    error = ElementTree.SubElement(case, "error", message=printable(reason))
    error.text = f"could not be compared: {printable(reason)}"
    write_suite(suite, path)


def suite_of(tests: int, failures: int = 0, errors: int = 0) -> ElementTree.Element:
    """An empty JUnit test suite that announces so many tests."""
    counts = {"tests": str(tests), "failures": str(failures), "errors": str(errors)}
    return ElementTree.Element("testsuite", {"name": "paddle-tsm parity"} | counts)


def write_suite(suite: ElementTree.Element, path: AnyPath) -> None:
    """Write the suite as XML. The file appears whole or not at all."""
    with atomic_file(path) as file:
        file.write(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")


def printable(text: str) -> str:
    """The text with a backslash escape for every character that XML does not allow and a file's name may hold."""
    outside = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    return re.sub(outside, lambda found: found[0].encode("unicode_escape").decode(), text)
