"""The curves of a training: one row an update, one row a validation, and the recipe that stands beside them."""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import dataclass, field

import numpy as np

TRAIN, VALIDATION, RECIPE = "train.csv", "validation.csv", "recipe.json"
TRAIN_COLUMNS = ("lr", "loss", "grad_norm")  # that are compared, in the order in which an update computes them
VALIDATION_COLUMNS = ("loss", "top1", "mean_average_precision")


@dataclass(frozen=True)
class Curve:
    """What one training wrote of itself.

    path: of its rows. places: (epoch, step) of each row, both from 1; empty where the file does not say. train and
    validation: column -> float64 [rows]; validation is empty where there is none. recipe: option -> value; empty where
    there is no recipe.json.
    """

    path: str
    places: list[tuple[int, int]]
    train: dict[str, np.ndarray]
    validation: dict[str, np.ndarray] = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)

    @property
    def dtype(self) -> str:
        """The precision of the training: the recipe's, or else what the digits of its losses say."""
        if self.recipe.get("dtype") in ("float32", "float64"):
            return self.recipe["dtype"]
        losses = self.train["loss"]
        with np.errstate(over="ignore"):
            return "float32" if (losses == losses.astype("float32")).all() else "float64"


def files_of(path: str) -> list[str]:
    """The files that `read_curve` reads where they exist."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    rows = os.path.join(path, TRAIN) if os.path.isdir(path) else path
    return [rows, os.path.join(folder, VALIDATION), os.path.join(folder, RECIPE)]


def read_curve(path: str) -> Curve:
    """The curves in a CSV file with a header and a column `loss`, or in the folder of a training (its train.csv).

    The columns lr, grad_norm, epoch and step are optional, others are ignored; validation.csv and recipe.json are read
    where they lie beside the file. Raises ValueError for a file without rows, without losses or with another value than
    a number.
    """
    path = files_of(os.fspath(path))[0]
    rows = read_rows(path)
    train = columns_of(path, rows, TRAIN_COLUMNS)
    if "loss" not in train:
        raise ValueError(f"{path}: got no column 'loss'; wanted a header with loss, as train.csv of `train` has")
    places: list[tuple[int, int]] = []
    if {"epoch", "step"} <= set(rows[0][1]):
        whole = columns_of(path, rows, ("epoch", "step"))
        # other programs, and older versions of this one, count from 0
        epochs, steps = (values + (values.min() == 0) for values in whole.values())
        places = [(int(epoch), int(step)) for epoch, step in zip(epochs, steps)]
    beside = os.path.dirname(path)
    return Curve(path, places, train, read_validation(beside), read_recipe(beside))


def read_validation(folder: str) -> dict[str, np.ndarray]:
    """Column -> values of the validation.csv in the folder; empty where there is none, or no row yet."""
    path = os.path.join(folder, VALIDATION)
    try:
        return columns_of(path, read_rows(path), VALIDATION_COLUMNS) if os.path.isfile(path) else {}
    except NoRows:
        return {}


def read_recipe(folder: str) -> dict:
    """The options in the recipe.json of the folder; empty where there is none."""
    path = os.path.join(folder, RECIPE)
    if not os.path.isfile(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: got no options; wanted the recipe.json that `train` writes")
    return found


class NoRows(ValueError):
    """A file with a header and nothing else."""


def read_rows(path: str) -> list[tuple[int, dict[str, str]]]:
    """(line number, column -> text) of each row."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader if any(row.values())]
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is no text; wanted a CSV file with a row for each update") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from error
    except csv.Error as error:
        raise ValueError(f"{path}: is no CSV file: {error}") from error
    if not rows:
        raise NoRows(f"{path}: holds no row; wanted a header and a row for each update")
    return rows


def columns_of(path: str, rows: list[tuple[int, dict[str, str]]], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Column -> float64 [rows], of the columns that the file has. NaN and infinity are numbers, too."""
    found = {}
    for name in names:
        if name not in rows[0][1]:
            continue
        values = []
        for line, row in rows:
            try:
                values.append(float(row[name]))
            except (TypeError, ValueError):
                raise ValueError(f"{path}: line {line}: {name} is {row[name]!r}, wanted a number") from None
        found[name] = np.array(values)
    return found


def relative_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| / max(|a|, |b|) of each pair: 0 where both are the same number, infinite where one is not finite."""
    largest = np.maximum(np.abs(a), np.abs(b))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        found = np.abs(a - b) / largest
    found = np.where(a == b, 0.0, found)
    return np.where(np.isfinite(found), found, math.inf)
