"""`moee evaluate`: generated videos against the true ones, under a named protocol."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import say, warn

if TYPE_CHECKING:
    from torch import Tensor

    from evaluation.features import Extractor
    from evaluation.protocol import Protocol
    from evaluation.result import Result

DESCRIPTION = """Score a folder of videos, of ours or of others, against the true ones of the same names.

The result is one JSON file: values with 95 % intervals, a row for each clip, and what made and measured them.
"""
EXAMPLES = """\
examples:
  moee evaluate --generated out/ours --reference clips/test --out results/ours.json
  moee evaluate --generated out/ours --reference clips/test --about clips/test.json --out results/ours.json
  moee evaluate --generated out/theirs --reference clips/test --system theirs.json --out results/theirs.json

With --about, intervals are taken by identity, and emotions are scored; without it each clip counts as a
person of its own.

The file of --about:
  {"clip_1": {"identity": "M003", "emotion": "happy:0.8"}}

The file of --system says what made the videos; a leaderboard refuses a result that does not tell:
  {"sampled_by": "our lab", "evaluated_by": "our lab", "checkpoint_sha256": "...", "seeds": [0],
   "settings": {"steps": 40}, "seconds_per_frame": 0.8}
"""
DEFAULT_PROTOCOL = "embedded-v0"
ABOUT_KEYS = ("identity", "emotion")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee evaluate`."""
    parser.add_argument("--generated", type=Path, required=True, metavar="DIR", help="videos to score")
    parser.add_argument(
        "--reference", type=Path, required=True, metavar="DIR", help="true videos, same file stems"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the result, JSON")
    parser.add_argument(
        "--protocol", default=DEFAULT_PROTOCOL, help=f"a name or a YAML file (default: {DEFAULT_PROTOCOL})"
    )
    parser.add_argument("--name", help="the system's name in tables (default: the folder's name)")
    parser.add_argument("--system", type=Path, metavar="FILE", help="JSON: who made the videos, with what")
    parser.add_argument(
        "--about", type=Path, metavar="FILE", help="JSON: who and which emotion each clip shows"
    )
    parser.add_argument(
        "--extractor",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="weights of a network the protocol asks for (default: what ships)",
    )
    parser.add_argument("--lpips", type=Path, metavar="FILE", help="AlexNet trunk, torchvision's; adds LPIPS")


def run(args: argparse.Namespace) -> int:
    """`moee evaluate`: writes the result and prints it; fails if no clip could be scored."""
    from datamodules.preparation.media import read_video
    from evaluation.evaluate import evaluate
    from evaluation.extractors.lpips_network import load_lpips
    from evaluation.protocol import load_protocol
    from moee.files import check_writable
    from moee.system_file import read_system

    check_writable(args.out)
    system = read_system(args.system, args.name or args.generated.resolve().name)
    protocol = load_protocol(find_protocol(args.protocol))
    result = evaluate(
        args.generated,
        args.reference,
        protocol,
        args.out,
        extractors=load_extractors(protocol, args.extractor),
        system=system,
        read_video=read_video,  # type: ignore[arg-type]
        about=read_about(args.about) if args.about else None,
        lpips=load_lpips(args.lpips) if args.lpips else None,
        progress=lambda key, done: say(f"{done:5} {key}"),
    )
    for line in summary(result):
        say(line)
    say(f"written: {args.out}")
    if args.system is None:
        say("a leaderboard will refuse it: it does not tell what made the videos, see --system")
    if all(row.problem for row in result.rows):
        warn(f"moee: no clip could be scored; {result.rows[0].key}: {result.rows[0].problem}")
        return 1
    return 0


def find_protocol(name: str) -> Path:
    """The YAML file of a protocol, by name or by path."""
    from moee.explain import unknown_name
    from moee.merge import CONFIGS

    shipped = CONFIGS / "protocol" / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    if Path(name).is_file():
        return Path(name)
    known = [path.stem for path in shipped.parent.glob("*.yaml")]
    raise FileNotFoundError(unknown_name(f"no protocol {name!r}", name, known))


def load_extractors(protocol: "Protocol", given: Iterable[str] = ()) -> "list[Extractor]":
    """The networks a protocol asks for: shipped ones, or files named as `NAME=FILE`.

    Raises:
        ValueError: for a name the protocol does not ask for, or a file that does not fit.
        FileNotFoundError: for one that is nowhere.
    """
    from moee.explain import unknown_name
    from moee.modules import load_module, locate_weights
    from moee.weights import sha256_of

    files: dict[str, str | Path] = {name: name for name in protocol.extractors.values()}
    for pair in given:
        name, _, path = pair.partition("=")
        if name not in files or not path:
            raise ValueError(unknown_name(f"--extractor {pair}: expected NAME=FILE", name, files))
        files[name] = Path(path)
    loaded: list[Any] = []
    for file in files.values():
        path = locate_weights(file)
        network = load_module(path).requires_grad_(False)
        network.fingerprint = sha256_of(path)  # type: ignore[assignment]
        loaded.append(network)
    return loaded


def read_about(path: Path) -> "dict[str, dict[str, str | Tensor]]":
    """Clip stem -> `identity` and `blend` (E,), from JSON with `identity` and `emotion`.

    Raises:
        ValueError: for broken JSON, an unknown key or an unknown emotion, with the clip's name.
    """
    from datamodules.batch import parse_blend
    from moee.explain import unknown_key

    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise ValueError(f'{path}: expected {{"clip": {{"identity": "...", "emotion": "..."}}}}')
    about: dict[str, dict[str, Any]] = {}
    for stem, entry in content.items():
        for key in entry:
            if key not in ABOUT_KEYS:
                raise ValueError(f"{path}: {unknown_key(stem, key, ABOUT_KEYS)}")
        about[stem] = {key: entry[key] for key in entry if key == "identity"}
        if "emotion" in entry:
            try:
                about[stem]["blend"] = parse_blend(str(entry["emotion"]))
            except ValueError as error:
                raise ValueError(f"{path}, {stem}: {error}") from None
    return about


def summary(result: "Result") -> list[str]:
    """One line for each metric: name, value, interval, unit."""
    lines = []
    for record in result.metrics.values():
        value, interval = record["value"], record["interval"]
        shown = "-" if value is None else f"{value:.4g}"
        reach = f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
        lines.append(f"{record['title']:28} {shown}{reach} {record['unit']}".rstrip())
    failed = sum(bool(row.problem) for row in result.rows)
    lines.append(f"{len(result.rows)} clips, {failed} failed")
    return lines
