"""Imports torchvision from a folder of its own, beside a PyTorch that it was not built for.

    pip install --no-deps --target DIR torchvision

The networks need none of torchvision's compiled operators. Its modules only register rules for them when they are
imported, which PyTorch refuses for an operator that nobody declared: so each name is declared, without a body.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

OPERATOR = re.compile(r"\btorchvision::(\w+)")
kept: list[Any] = []  # the declarations last as long as their library


def import_torchvision_models(folder: str) -> Any:
    """The module torchvision.models. folder: where torchvision is installed. Raises ValueError where it is not."""
    root = Path(folder) / "torchvision"
    if not (root / "__init__.py").is_file():
        raise ValueError(f"{folder}: has no torchvision; install it there with pip install --no-deps --target")
    if "torchvision" not in sys.modules:
        import torch

        library = torch.library.Library("torchvision", "DEF")
        sources = (path.read_text("utf-8") for path in root.rglob("*.py"))
        for name in sorted({name for text in sources for name in OPERATOR.findall(text)}):
            library.define(f"{name}(Tensor unused) -> Tensor")
        kept.append(library)
        sys.path.append(folder)
    import torchvision.models

    return torchvision.models
