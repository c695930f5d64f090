"""The rooms of `paddle_tsm` and the order in which they may import each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# A room may import the rooms in front of it, never one behind it. docs/architecture.md says what each is for.
ORDER = (
    "runtime",
    "terminal",
    "files",
    "networks",
    "checkpoint",
    "layouts",
    "onednn",
    "models",
    "optim",
    "videos",
    "lists",
    "sources",
    "data",
    "drawing",
    "processes",
    "evaluation",
    "training",
    "parity",
    "conversion",
    "export",
    "inference",
    "demo",
    "ablation",
    "commands",
    "cli",
)
LOOSE = {"__init__", "__main__", "cli"}


def modules() -> dict[str, Path]:
    """module -> file, of the whole package."""
    paths = sorted((ROOT / "paddle_tsm").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return dict(zip(names, paths, strict=True))


def imported(name: str, text: str, known) -> set[str]:
    """The modules of `known` that the text of module `name` imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}, line {node.lineno}: a relative import; wanted the full name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {module for module in found if module in known and module != "paddle_tsm"} - {name}


def room(module: str) -> str:
    return (module.split(".") + ["__init__"])[1]


def wrong_ways(graph: dict[str, set[str]]) -> list[str]:
    """The imports that go against the order of the rooms."""
    place = {name: number for number, name in enumerate(ORDER)}
    inside = {module: targets for module, targets in graph.items() if room(module) not in ("__init__", "__main__")}
    return [
        f"{module} imports {target}"
        for module, targets in inside.items()
        for target in sorted(targets)
        if place[room(target)] > place[room(module)]
    ]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports; [] where there is none."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return way[way.index(module) :] + [module]
        if module in done:
            return []
        for target in sorted(graph.get(module, ())):
            if found := walk(target, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in graph if (found := walk(module, []))), [])


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imported(name, path.read_text(encoding="utf-8"), known) for name, path in known.items()}


def test_every_room_has_a_place_and_every_place_a_room():
    assert {room(module) for module in modules()} - {"__init__", "__main__"} == set(ORDER)


def test_few_modules_are_loose():
    loose = {path.stem for path in (ROOT / "paddle_tsm").glob("*.py")}
    assert loose == LOOSE


def test_imports_go_one_way(graph):
    assert wrong_ways(graph) == []


def test_no_circle_of_imports(graph):
    assert circle(graph) == []


def test_a_wrong_way_and_a_circle_are_seen():
    assert wrong_ways({"paddle_tsm.networks.a": {"paddle_tsm.models.b"}}) != []
    assert wrong_ways({"paddle_tsm.models.b": {"paddle_tsm.networks.a"}}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_map_of_the_rooms_names_each(graph):
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [name for name in ORDER if f"`{name}`" not in text and f"`{name}/`" not in text] == []
