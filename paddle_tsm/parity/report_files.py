"""The parity report for programs: JSON and JUnit XML, of a comparison that was made and of one that could not be."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from xml.etree import ElementTree

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.parity.comparison import Report
from paddle_tsm.parity.console_report import about_networks, notes, verdict
from paddle_tsm.terminal.literal_text import literal


def write_json(report: Report, path) -> None:
    """Write verdict, rows and seconds as JSON. An infinite difference is written as null, which JSON has."""
    rows = [asdict(row) | {"passed": row.passed} for row in report.rows]
    content = {"equal": report.equal, "verdict": verdict(report), "first_layer": report.first_layer, "error": None, "rows": rows,
               "options": [asdict(one) for one in report.options],
               "notes": [*about_networks(report), *notes(report)], "seconds": report.seconds}  # fmt: skip
    if report.gradients:
        found = report.gradients
        content["gradients"] = {"first": found.first, "errors": found.errors, "vanishing": found.vanishing}
    if report.steps:
        content["steps"] = {"losses": report.steps.losses, "differences": report.steps.differences}
    if report.gaps:
        content["float32_gap"] = [asdict(gap) | {"ratios": gap.ratios} for gap in report.gaps]
    write_content(content, path)


def write_json_error(reason: str, path) -> None:
    """Write as JSON that the two could not be compared: not equal, without rows, "error" the reason."""
    write_content({"equal": False, "verdict": f"could not be compared: {reason}", "first_layer": None, "error": reason,
                   "rows": [], "options": [], "notes": [], "seconds": {}}, path)  # fmt: skip


def write_content(content: dict, path) -> None:
    with atomic_file(path) as file:
        file.write((json.dumps(finite(content), indent=2, allow_nan=False) + "\n").encode())


def finite(content):
    """The content with null for every NaN and infinite number."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_junit(report: Report, path) -> None:
    """Write one JUnit test case a row, so that a CI system shows which output differs; what the networks themselves
    differ in stands in the properties, before the cases.
    """
    failures = sum(not row.passed for row in report.rows)
    suite = suite_of(len(report.rows), failures=failures)
    said = about_networks(report)
    if said:
        properties = ElementTree.SubElement(suite, "properties")
        for line in said:
            ElementTree.SubElement(properties, "property", name="networks", value=printable(line))
    for row in report.rows:
        case = ElementTree.SubElement(suite, "testcase", classname=f"parity.{row.precision}", name=literal(row.name))
        if not row.passed:
            text = f"{row.problem}: {row.max_rel:.3e} relative, limit {row.limit:.3e}"
            ElementTree.SubElement(case, "failure", message=printable(text)).text = printable(verdict(report))
    write_suite(suite, path)


def write_junit_error(reason: str, path) -> None:
    """Write one JUnit test case that has ended in an error, for a comparison that could not be made."""
    suite = suite_of(1, errors=1)
    case = ElementTree.SubElement(suite, "testcase", classname="parity", name="comparison")
    ElementTree.SubElement(
        case, "error", message=printable(reason)
    ).text = f"could not be compared: {printable(reason)}"
    write_suite(suite, path)


def suite_of(tests: int, failures: int = 0, errors: int = 0):
    counts = {"tests": tests, "failures": failures, "errors": errors}
    return ElementTree.Element(
        "testsuite", name="paddle-tsm parity", **{name: str(count) for name, count in counts.items()}
    )


def write_suite(suite, path) -> None:
    with atomic_file(path) as file:
        file.write(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")


def printable(text: str) -> str:
    """The text with a backslash escape for every character that XML has not, as a file's name may hold."""
    outside = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    return re.sub(outside, lambda found: found[0].encode("unicode_escape").decode(), text)
