"""Nothing is in the packages that only a test uses: names that occur once, and options that no caller ever gives."""

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("paddle_tsm", "paddle_tsm_pytest", "torch_ref", "tools")
# functions whose options are for callers that are no program here
FOR_OTHERS = {
    "compare_models": "a program that compares its own models",
    "tsm_adamw": "it has PyTorch's options",
    "main": "a test's command line",
    "elu": "PyTorch passes on a model's arguments, and so below",
    "celu": "PyTorch",
    "hardtanh": "PyTorch",
    "write_checkpoint": "all that a file may hold",
    "check_list": "a caller without a terminal",
    "read_clips": "export passes on what the command gives",
    "export_checkpoint": "the command passes on the pixels that it was given",
    "write_motion_videos": "small ones for tests",
    "write_demo_video": "small ones for tests",
    "write_demo_checkpoint": "several for tests",
    "count_flops": "small ones for tests",
}
CALLED_BY_OTHERS = {
    "_fill_text": "argparse",
    "namespace": "argparse",
    "option_string": "argparse",
    "__getattr__": "Python, for a module's attributes",
    "__dir__": "Python, for a module's attributes",
    "__enter__": "with",
    "__torch_function__": "PyTorch",
    "_fields_": "ctypes",
    "__exit__": "with",
    "__del__": "Python, where the last reference goes",
    "__str__": "print",
    "__repr__": "pytest, where an assertion fails",
    "__iter__": "for",
    "get_next": "ONNX Runtime's calibration",
    "render": "rich's progress bar",
    "pytest_addoption": "pytest",
    "pytest_configure": "pytest",
    "__tracebackhide__": "pytest",
}


def modules(*folders: str) -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))}


def defined(tree: ast.Module):
    """Every name that the module gives to a function, a class, an argument, a field or a constant."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        if isinstance(node, ast.FunctionDef):
            yield from (argument.arg for argument in node.args.args + node.args.kwonlyargs)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        if isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_every_name_occurs_twice():
    words = Counter(word for path in modules(*FOLDERS) for word in re.findall(r"\w+", path.read_text()))
    once = {name for tree in modules(*FOLDERS).values() for name in defined(tree) if words[name] == 1}
    assert once == CALLED_BY_OTHERS.keys() & once, sorted(once - CALLED_BY_OTHERS.keys())


def options(tree: ast.Module) -> dict[str, dict[str, int]]:
    """function -> {argument with a default: its position, or a large number where it can only be named}."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            first = len(node.args.args) - len(node.args.defaults)
            given = {argument.arg: first + i for i, argument in enumerate(node.args.args[first:])}
            found[node.name] = given | {argument.arg: 1000 for argument in node.args.kwonlyargs}
    return found


def public_functions() -> set[str]:
    """What `import paddle_tsm` gives; its callers are elsewhere."""
    return set(re.findall(r"\w+", (ROOT / "paddle_tsm" / "__init__.py").read_text()))


def test_every_option_is_given_somewhere():
    """An option that no program and no command gives has one value: it is no option. (`**` may give any that its module
    names.)
    """
    calls, names, functions = defaultdict(list), {}, Counter()
    for path, tree in modules(*FOLDERS).items():
        names[path] = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        names[path] |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
        functions.update(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                calls[function].append((path, node))
    never = []
    for path, tree in modules("paddle_tsm").items():
        for function, given in options(tree).items():
            if function in {*public_functions(), *FOR_OTHERS} or function not in calls or functions[function] > 1:
                continue
            for name, position in given.items():
                if not any(gives(call, name, position, names[caller]) for caller, call in calls[function]):
                    never.append(f"{path.relative_to(ROOT)}: {function}({name}=)")
    assert not never, never


def gives(call: ast.Call, name: str, position: int, names: set[str]) -> bool:
    """Whether the call may give the argument."""
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return (
        starred
        or len(call.args) > position
        or any(keyword.arg == name for keyword in call.keywords)
        or any(keyword.arg is None for keyword in call.keywords)
        and name in names
    )
