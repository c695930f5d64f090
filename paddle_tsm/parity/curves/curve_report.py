"""What the comparison of two curves says: in a terminal, as JSON, as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

from paddle_tsm.parity.curves.curve_comparison import CurveComparison, length_differences, rows_of
from paddle_tsm.parity.curves.curve_reading import reading
from paddle_tsm.parity.report.report_files import printable, suite_of, write_content, write_suite

SHOWN = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
DECIMALS = 6
NAMES = {"lr": "learning rate", "grad_norm": "gradient norm", "top1": "top-1", "mean_average_precision": "mAP"}


def verdict(found: CurveComparison) -> str:
    """One line: "equal: ..." or "differ: ..."."""
    count = f"{found.rows} update" + "s" * (found.rows != 1)
    if found.parting is not None:
        parting = found.parting
        name = NAMES.get(parting.column, parting.column)
        where = found.place(parting.row) if parting.table == "train" else f"validation {parting.row + 1}"
        return (
            f"differ: they part at {where}: {name} {parting.a:.10g} and {parting.b:.10g}, {parting.difference:.1e} "
            f"apart, where rounding explains {parting.limit:.1e}"
        )
    if found.longer:
        end = f"ends after {count}" if found.longer == "updates" else f"has fewer {found.longer}"
        return f"differ: one of them {end}; what both have is the same within rounding"
    row = int(found.differences["loss"].argmax())
    validations = min(rows_of(found.a.validation), rows_of(found.b.validation))
    besides = f" and {validations} validation" + "s" * (validations != 1) if validations else ""
    return (
        f"equal: {count}{besides}, {found.dtype}; the largest difference of a loss is "
        f"{found.differences['loss'][row]:.1e}, at update {row + 1}"
    )


def sentences(found: CurveComparison) -> list[str]:
    """What stands below the verdict: the reading of the parting, the growth, the notes."""
    lines = reading(found)
    if found.growth is not None:
        lines.append(
            f"The losses' difference grows by a factor of {found.growth:.3f} from one update to the next (fitted)."
        )
    return lines + [note[0].upper() + note[1:] + "." for note in found.notes]


def chosen_rows(found: CurveComparison) -> list[int]:
    """The rows that a table shows, from 0: a few over the whole training, the parting and the last."""
    rows = {number - 1 for number in SHOWN if number <= found.rows} | {found.rows - 1}
    if found.parting is not None and found.parting.table == "train":
        row = found.parting.row
        rows |= {other for other in (row - 1, row, row + 1) if 0 <= other < found.rows}
    return sorted(rows)


def table_rows(found: CurveComparison) -> list[tuple[str, ...]]:
    """(update, loss of A, loss of B, difference, what rounding explains) of the chosen rows, as text."""
    lines: list[tuple[str, ...]] = []
    for row in chosen_rows(found):
        a, b = found.a.train["loss"][row], found.b.train["loss"][row]
        difference, limit = found.differences["loss"][row], found.limits["loss"][row]
        lines.append((str(row + 1), f"{a:.{DECIMALS}f}", f"{b:.{DECIMALS}f}", f"{difference:.1e}", f"{limit:.1e}"))
    return lines


def print_curves(found: CurveComparison, console) -> None:
    """Print the table, the verdict and what it says. console: `literal_text.plain_console()`."""
    from rich import box
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import as_text, literal

    console.print(literal(f"A: {found.a.path}"), soft_wrap=True)
    console.print(literal(f"B: {found.b.path}"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("update", "loss A", "loss B", "difference", "rounding"):
        table.add_column(name, justify="right")
    parted = found.parting.row if found.parting and found.parting.table == "train" else None
    for cells in table_rows(found):
        style = "bold red" if parted is not None and int(cells[0]) == parted + 1 else ""
        table.add_row(*(as_text(cell, style) for cell in cells))
    console.print(table)
    console.print(as_text(verdict(found), "bold green" if found.equal else "bold red"), soft_wrap=True)
    for line in sentences(found):
        console.print(literal(line), soft_wrap=True)


def write_curves_json(found: CurveComparison, path) -> None:
    """Write verdict, parting and every update's differences as JSON."""
    parting = found.parting
    write_content(
        {
            "equal": found.equal,
            "verdict": verdict(found),
            "error": None,
            "dtype": found.dtype,
            "updates": found.rows,
            "parting": parting
            and {
                "table": parting.table,
                "column": parting.column,
                "update": parting.row + 1,
                "a": parting.a,
                "b": parting.b,
                "difference": parting.difference,
                "limit": parting.limit,
            },
            "growth": found.growth,
            "differences": {name: values.tolist() for name, values in found.differences.items()},
            "limits": {name: values.tolist() for name, values in found.limits.items()},
            "notes": sentences(found),
        },
        path,
    )


def write_curves_junit(found: CurveComparison, path) -> None:
    """Write one JUnit test case for each column of train.csv and one for the validations."""
    columns = [("train", name) for name in found.differences]
    columns += [("validation", name) for name in found.a.validation if name in found.b.validation]
    parting = found.parting
    failures = 0 if parting is None else 1
    uneven = found.longer is not None
    suite = suite_of(len(columns) + uneven, failures=failures + uneven)
    for table, name in columns:
        case = ElementTree.SubElement(suite, "testcase", classname=f"curves.{table}", name=name)
        if parting is not None and (parting.table, parting.column) == (table, name):
            failure = ElementTree.SubElement(case, "failure", message=printable(verdict(found)))
            failure.text = printable("\n".join(sentences(found)))
    if uneven:
        case = ElementTree.SubElement(suite, "testcase", classname="curves", name=f"number of {found.longer}")
        message = "; ".join(length_differences(found.a, found.b))
        ElementTree.SubElement(case, "failure", message=printable(message))
    write_suite(suite, path)
