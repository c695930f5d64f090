"""What a training was asked for, kept beside its checkpoints, so that --resume needs to be told no more than the
folder.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from paddle_tsm.training.run_folder import ARGUMENTS, RESUME

READ = ("list", "validation", "classes", "root", "replay")  # paths that a resumed training reads again
PATHS = (*READ, "pretrained", "pretrained_teacher", "plan")
SPLIT = 0.2  # the share of a folder of classes that is validated on where neither --split nor --validation says it
TOGETHER = ({"plan", "replay"},)  # of which only one can be given


@dataclass(frozen=True)
class TrainingArguments:
    """The options of `paddle-tsm train` by their names there, but for --out, --resume and --show. Every option's
    default is here. changes: what --set got.
    """

    list: str | None = None
    validation: str | None = None
    split: float | None = None
    classes: str | None = None
    recipe: str = "mmaction2-kinetics400"
    changes: tuple[str, ...] = ()
    pretrained: str | None = None
    pretrained_teacher: str | None = None
    keep_classifier: bool = False
    form: str = "video"
    root: str = ""
    template: str | None = None
    check: str = "first"
    skip_bad: bool = False
    save_every: int = 500
    workers: int = 2
    framework: str = "paddle"
    plan: str | None = None
    replay: str | None = None
    nudge: int | None = None

    def recorded(self) -> str:
        """The JSON of arguments.json. Paths are absolute, so that it works from another working directory."""
        content = dataclasses.asdict(self)
        for name in PATHS:
            if content[name] is not None:
                content[name] = os.path.abspath(content[name])
        return json.dumps(content, indent=2) + "\n"


def resumed_arguments(given: dict[str, Any], out: str) -> TrainingArguments:
    """The arguments of the training in the folder `out`, and in their place those that are given now.

    given: option -> value, of those on the command line. --set changes options one by one. Raises ValueError where no
    LIST is given and the folder does not say it, and where a file that it names is not there any more.
    """
    if not os.path.exists(os.path.join(out, RESUME)):
        if "list" not in given:
            raise ValueError(f"{out}: holds no training to go on with; wanted LIST beside --resume, to begin one")
        return TrainingArguments(**given)
    path = os.path.join(out, ARGUMENTS)
    if not os.path.exists(path):
        if "list" not in given:
            raise ValueError(
                f"{out}: has no {ARGUMENTS} that says what is trained, as older versions wrote none; wanted LIST and "
                "the options of the first command line beside --resume"
            )
        return TrainingArguments(**given)
    recorded = read_arguments(path)
    if "validation" in given or not os.path.isdir(given.get("list", recorded.get("list") or "")):
        recorded = without({"split"}, recorded)  # what is given has no split
    elif "split" in given and given["split"] != (was := SPLIT if recorded.get("split") is None else recorded["split"]):
        raise ValueError(
            f"--split: was {was:g}, now {given['split']:g}; resume with the same one, or start in another folder"
        )
    for names in TOGETHER:
        if names & given.keys():
            recorded = without(names, recorded)
    for name in READ:
        if name not in given and recorded.get(name) and not os.path.exists(recorded[name]):
            option = "LIST" if name == "list" else f"--{name}"
            raise ValueError(f"{path}: {option} {recorded[name]} is not there any more; give it beside --resume")
    if "changes" in given:
        names = {text.partition("=")[0] for text in given["changes"]}
        kept = [text for text in recorded.get("changes", ()) if text.partition("=")[0] not in names]
        given = given | {"changes": (*kept, *given["changes"])}
    return TrainingArguments(**recorded | given)


def without(names: set[str], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments but for those with these names."""
    return {name: value for name, value in arguments.items() if name not in names}


def read_arguments(path: str) -> dict[str, Any]:
    """What `TrainingArguments.recorded` wrote. Raises ValueError for any other content."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is no JSON ({error}); wanted what `train` wrote") from None
    types = get_type_hints(TrainingArguments)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: got no options; wanted what `train` wrote")
    found = {}
    for name, value in content.items():
        if name not in types:
            raise ValueError(f"{path}: `train` has no option {name!r}; a newer version may have written it")
        found[name] = tuple(value) if isinstance(value, list) else value
        if not fits(found[name], types[name]):
            raise ValueError(f"{path}: {name} is {value!r}, wanted what `train` wrote")
    return found


def fits(value: object, wanted: Any) -> bool:
    """Whether the value is of the type `wanted`, such as str | None or tuple[str, ...]."""
    if get_origin(wanted) is tuple:
        return isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    return type(value) in (get_args(wanted) or (wanted,))
