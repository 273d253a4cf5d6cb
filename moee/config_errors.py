"""Why a configuration was refused, in one line: the dotted path, what stood there, what is allowed."""

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from jsonargparse import ArgumentError, ArgumentParser, set_parsing_settings

ALLOWED_PACKAGES = (
    *("lightning_modules", "datamodules", "evaluation"),
    *("lightning.pytorch", "torch.nn", "torch.optim", "torch.utils.data", "timm.optim"),
)
CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")
SHOWN_NAMES = 12
LONGEST_VALUE = 80


def restrict_imports() -> None:
    """From now on a configuration may name only classes of `ALLOWED_PACKAGES`; no other is imported."""
    set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=list(ALLOWED_PACKAGES))


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """One line: the unknown name, the nearest known one, and what is known."""
    known = sorted(known)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(known[:SHOWN_NAMES]) + (", ..." if len(known) > SHOWN_NAMES else "")
    return f"{what}: {hint}known are {listed or 'none'}"


def unknown_key(path: str, key: str, known: Iterable[str]) -> str:
    """The line for a key that nobody reads."""
    return (
        unknown_name(f"{path}.{key}" if path else key, key, known)
        if known
        else f"{path}.{key}: takes no keys"
    )


def first_problem(config: dict[str, Any], trainer_class: type) -> str | None:
    """The first thing wrong in `trainer`, `model` or `data`, or None if each part looks right on its own.

    Args:
        config: plain dicts and lists, resolved.
        trainer_class: whose constructor reads `trainer`.
    """
    problems = chain(
        _argument_problems(trainer_class, config.get("trainer") or {}, "trainer"),
        *(_problems(config.get(part), part, object) for part in ("model", "data")),
    )
    return next(problems, None)


def first_dictionary_problem(trees: dict[str, Any]) -> str | None:
    """The first thing wrong in a plain dictionary within `class_path` trees; jsonargparse lets it pass.

    A parameter says who reads its dictionary: `Annotated[dict, UNet2DConditionModel]` holds arguments of that
    class, `dict[Literal["text", "speech"], Encoder]` has these keys and no others.

    Args:
        trees: path -> tree, such as `model` and `data` of an experiment.
    """
    return next(chain(*(_dictionary_problems(tree, path, object) for path, tree in trees.items())), None)


def first_module_problem(config: dict[str, Any]) -> str | None:
    """The first thing wrong in one `class_path`/`init_args` tree."""
    return next(_problems(config, "config", object), None)


def innermost_line(message: str) -> str:
    """The most specific line of a jsonargparse message, with the key it is about."""
    lines = [line for line in message.splitlines() if "NoneType" not in line]
    deepest = max(lines, key=lambda line: len(line) - len(line.lstrip()))
    return f"{message.splitlines()[0].rstrip(':')}: {deepest.strip(' -')}"


def _problems(value: Any, path: str, wanted: Any) -> Iterator[str]:
    """Problems of a value whose parameter is annotated with `wanted`."""
    if _is_class(value):
        yield from _class_problems(value, path, wanted)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _problems(item, f"{path}.{index}", object)
    elif isinstance(value, dict) and dataclasses.is_dataclass(wanted):
        yield from _argument_problems(wanted, value, path)
    elif isinstance(value, dict) and any(map(_is_class, value.values())):
        for key, item in value.items():
            yield from _problems(item, f"{path}.{key}", object)
    elif not _accepts(wanted, value):
        yield _does_not_fit(value, path, wanted)


def _does_not_fit(value: Any, path: str, wanted: Any) -> str:
    return f"{path}: {_short(value)} does not fit, expected {inspect.formatannotation(wanted)}"


def _is_class(value: Any) -> bool:
    return isinstance(value, dict) and "class_path" in value


def _class_problems(node: dict[str, Any], path: str, wanted: Any) -> Iterator[str]:
    for key in node.keys() - set(CLASS_KEYS):
        yield unknown_key(path, key, CLASS_KEYS)
    target = _find_class(node["class_path"], path)
    if isinstance(target, str):
        yield target
        return
    choices = _choices(wanted)
    roles = tuple(choice for choice in choices if isinstance(choice, type) and choice is not NoneType)
    if roles and isinstance(target, type) and not issubclass(target, roles):
        names = " or ".join(role.__name__ for role in roles)
        yield f"{path}.class_path: {node['class_path']} does not fit, expected a {names}"
        return
    partial = any(get_origin(choice) is Callable for choice in choices)
    yield from _argument_problems(target, node.get("init_args") or {}, f"{path}.init_args", partial)


def _dictionary_problems(value: Any, path: str, wanted: Any) -> Iterator[str]:
    """What is wrong in the plain dictionaries below a value whose parameter is annotated with `wanted`."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _dictionary_problems(item, f"{path}.{index}", object)
    elif _is_class(value):
        target = _find_class(value["class_path"], path)
        parameters = {} if isinstance(target, str) else _parameters(target)
        for key, item in (value.get("init_args") or {}).items():
            if key in parameters:
                yield from _dictionary_problems(item, f"{path}.init_args.{key}", parameters[key].annotation)
    elif isinstance(value, dict):
        known = _known_keys(wanted)
        for key, item in value.items():
            if known is not None and key not in known:
                yield unknown_key(path, str(key), known)
            # libraries annotate their lists too loosely to be checked: diffusers' tuple[int] may hold four
            elif known is not None and not isinstance(item, list) and not _accepts(known[key], item):
                yield _does_not_fit(item, f"{path}.{key}", known[key])
            yield from _dictionary_problems(item, f"{path}.{key}", object)


def _choices(wanted: Any) -> tuple[Any, ...]:
    return get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)


def _known_keys(wanted: Any) -> dict[str, Any] | None:
    """Keys of a dictionary of this annotation with the types of their values; None if it names none."""
    for choice in _choices(wanted):
        if get_origin(choice) is Annotated:
            base, *marks = get_args(choice)
            readers = [mark for mark in marks if isinstance(mark, type)]
            if (get_origin(base) or base) is dict and readers:
                return {name: each.annotation for name, each in _parameters(readers[0]).items()}
        if get_origin(choice) is dict and get_origin(keys := get_args(choice)[0]) is Literal:
            return dict.fromkeys(get_args(keys), object)
    return None


def _find_class(class_path: Any, path: str) -> type | str:
    """The class, or the line that says why it cannot be had."""
    where = f"{path}.class_path"
    if not isinstance(class_path, str):
        return f"{where}: {class_path!r} is not the dotted name of a class"
    if "." not in class_path:
        return f"{where}: {class_path!r} needs its package, for example lightning_modules.{class_path}"
    if not any(class_path == package or class_path.startswith(f"{package}.") for package in ALLOWED_PACKAGES):
        return f"{where}: {class_path!r} is not allowed; a class may come from {', '.join(ALLOWED_PACKAGES)}"
    module_name, _, name = class_path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        return f"{where}: {class_path!r} cannot be imported: {error}"
    if not hasattr(module, name):
        public = getattr(module, "__all__", None) or [
            n for n, v in vars(module).items() if inspect.isclass(v)
        ]
        return unknown_name(f"{where}: no {name!r} in {module_name}", name, public)
    return getattr(module, name)


def _argument_problems(target: Any, arguments: Any, path: str, partial: bool = False) -> Iterator[str]:
    """Unknown, mistyped and missing arguments of one constructor; of a partial call none is missing."""
    if not isinstance(arguments, dict):
        yield f"{path}: {_short(arguments)} is not a set of `key: value` pairs"
        return
    parameters = _parameters(target)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key, value in arguments.items():
        if key in parameters:
            if value != parameters[key].default:
                yield from _problems(value, f"{path}.{key}", parameters[key].annotation)
        elif not open_ended:
            yield unknown_key(path, key, parameters)
    for key, parameter in parameters.items():
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if named and not partial and parameter.default is parameter.empty and key not in arguments:
            yield f"{path}.{key}: missing, expected {inspect.formatannotation(parameter.annotation)}"


def _parameters(target: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(target, eval_str=True).parameters)
    except NameError:  # an annotation that is imported for type checkers only
        return dict(inspect.signature(target).parameters)


def _accepts(wanted: Any, value: Any) -> bool:
    if wanted in (inspect.Parameter.empty, object, Any):
        return True
    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=wanted)
        parser.parse_object({"value": value})
    except ArgumentError:
        return False
    except ValueError:
        return True  # a type that jsonargparse cannot check
    return True


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
