"""Which layout can become which, network by network, and why not where it cannot."""

from __future__ import annotations

import numpy as np
from rich import box
from rich.table import Table

from paddle_tsm.conversion.convert import plan_conversion
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.network import Network
from paddle_tsm.terminal.literal_text import as_text, plain_console


def source_network(layout: Layout, arch: str | None = None, **options) -> Network:
    """The network of a layout that the matrix speaks of: its usual one, or `arch`, with the options that the layout
    assumes.

    Raises ValueError where the layout has no such network.
    """
    network = Network(arch or layout.usual_architecture, num_segments=options.get("num_segments", 8))
    network = network.with_options(**(options | layout.assumed_options(network.num_segments)))
    reason = layout.why_not(network)
    if reason:
        raise ValueError(reason)
    return network


def cell(source: Layout, target: Layout, network: Network) -> str:
    """'exact', 'permuted' or 'absorbed', or 'cannot: why'. A non-local bias between MIT and others is 'absorbed'."""
    try:
        return plan_conversion(network, constant_tensors(network), target, source).kind
    except ValueError as error:
        return f"cannot: {error}"


def constant_tensors(network: Network) -> dict:
    """Canonical tensors without memory: every value is the same one."""
    return {name: np.broadcast_to(np.float32(1), shape) for name, shape in network.shapes().items()}


def matrix(arch: str | None = None, options: dict | None = None) -> dict[tuple[str, str], str]:
    """(source, target) -> cell for every pair of layouts; a source without such a network is left out."""
    cells = {}
    for source in LAYOUTS.values():
        try:
            network = source_network(source, arch, **(options or {}))
        except ValueError:
            continue
        for target in LAYOUTS.values():
            cells[source.name, target.name] = cell(source, target, network)
    return cells


def print_matrix(arch: str | None = None, options: dict | None = None) -> None:
    """Print the table, with each reason once below it. Raises ValueError where no layout has the network."""
    console = plain_console()
    cells = matrix(arch, options)
    if not cells:
        raise ValueError(f"no layout has {arch} with {options}")
    table = Table(title="from (down) to (across)", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in LAYOUTS:
        table.add_column(name, overflow="fold")
    reasons: dict[str, str] = {}
    for source in dict.fromkeys(source for source, _ in cells):
        texts = []
        for target in LAYOUTS:
            text = cells[source, target]
            if text.startswith("cannot: "):
                number = reasons.setdefault(text.removeprefix("cannot: "), str(len(reasons) + 1))
                text = as_text(f"cannot {number}", "red")
            elif text != "exact":
                text = as_text(text, "yellow")
            texts.append(text)
        table.add_row(f"{source} ({source_network(LAYOUTS[source], arch, **(options or {})).arch})", *texts)
    console.print(table)
    for reason, number in reasons.items():
        console.print(f"cannot {number}: {reason}", highlight=False, soft_wrap=True)
