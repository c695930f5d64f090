"""Paddle's static graph in its file PREFIX.json: what is read from it, and what is added to it.

The keys of this JSON are short. An operator has its kind under "#", its operands and results under "I" and "O", and its
attributes under "A". An operand has its number under "%" and its type under "TT". An attribute has its name under "N"
and a typed value under "AT", whose data are under "D". A parameter is an operator of the kind "p", and its fourth
attribute is its name. What paddle-tsm adds is under a key of its own, which Paddle and paddle2onnx ignore.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from paddle_tsm.export.io_spec import IOSpec

ADDED = "paddle_tsm"


@dataclass(frozen=True)
class Program:
    """What a graph takes. inputs: name -> shape behind the free first axis. multiple: see `IOSpec`; None where the file
    does not have it, as in the first exports of paddle-tsm.
    """

    inputs: dict[str, tuple[int, ...]]
    multiple: int | None


def read_json(path: str) -> dict:
    """The file's content. Raises ValueError, in one line, for a file that is no program of Paddle."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        operators_of(content)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: damaged, or no program of Paddle ({str(error):.100})") from None
    return content


def operators_of(content: dict) -> list[dict]:
    """The operators of the program's only block, in order."""
    return content["program"]["regions"][0]["blocks"][0]["ops"]


def attributes_of(operator: dict) -> dict[str, dict]:
    """The operator's attributes: name -> typed value."""
    return {attribute["N"]: attribute["AT"] for attribute in operator["A"]}


def kind_of(operator: dict) -> str:
    """The operator's kind without its dialect's number: "conv2d" for "1.conv2d", and "p" for a parameter."""
    return operator["#"].rpartition(".")[2]


def read_program(path: str) -> Program:
    """What the graph takes. Raises ValueError for a file that is no program of Paddle."""
    content = read_json(path)
    data = [attributes_of(operator) for operator in operators_of(content) if kind_of(operator) == "data"]
    inputs = {attributes["name"]["D"]: tuple(attributes["shape"]["D"][1:]) for attributes in data}
    return Program(inputs, content.get(ADDED, {}).get("multiple"))


def complete_program(path: str, io_spec: IOSpec) -> None:
    """Write into the program what Paddle leaves out: the outputs' names, which Paddle only counts (fetch_name_0, ...),
    and the axis and the multiple of the I/O specification.
    """
    content = read_json(path)
    fetches = [attributes_of(operator) for operator in operators_of(content) if kind_of(operator) == "fetch"]
    for name, fetch in zip(io_spec.outputs, sorted(fetches, key=lambda fetch: fetch["col"]["D"]), strict=True):
        fetch["name"]["D"] = name
    content[ADDED] = {"axis": io_spec.axis, "multiple": io_spec.multiple}
    text = json.dumps(content, separators=(",", ":"))  # json.dump has no encoder in C, and is slower
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def leaky_slopes(path: str) -> list[float]:
    """The negative slopes of the program's leaky ReLUs, in order."""
    operators = operators_of(read_json(path))
    return [attributes_of(one)["negative_slope"]["D"] for one in operators if kind_of(one) == "leaky_relu"]


def parameters_of(path: str) -> tuple[dict[str, list[int]], set[str]]:
    """(each parameter's shape by name, the names of those that are biases)."""
    operators = operators_of(read_json(path))
    parameters = {operator["O"]["%"]: operator for operator in operators if kind_of(operator) == "p"}
    shapes = {operator["A"][3]: operator["O"]["TT"]["D"][1] for operator in parameters.values()}
    biases = set()
    for operator in operators:
        for position, operand in enumerate(operator.get("I", ())):
            parameter = parameters.get(operand["%"])
            if parameter and is_bias(kind_of(operator), position):
                biases.add(parameter["A"][3])
    return shapes, biases


def is_bias(kind: str, position: int) -> bool:
    """Whether an operand at this position of an operator is a bias. A convolution's bias is reshaped, then added."""
    return (kind, position) in {("add", 1), ("reshape", 0), ("batch_norm_", 1), ("batch_norm_", 4)}
