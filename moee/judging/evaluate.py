"""`moee evaluate`: generated videos against the true ones, under a named protocol."""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from moee.arguments import add_device_argument
from moee.console import say, warn
from moee.generation.animate import PRECISIONS
from moee.judging.options import DEFAULTS, check_options, person, told_by

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from evaluation.clips.pair import Clips
    from evaluation.extractors.interface import Extractor
    from evaluation.protocol import Protocol
    from evaluation.results.result import Result
    from evaluation.results.system import System
    from moee.clips.sources import Entry

DESCRIPTION = """Score a folder of videos, of ours or of others, against the true ones of the same names.

Or let a network make the clips, from the true ones' first pictures, sounds and emotions; the true ones may
be synthetic people. The result is one JSON file: values with 95 % intervals, a row for each clip, provenance.
"""
EXAMPLES = """\
examples:
  moee evaluate --generated out/ours --reference clips/test --out results/ours.json
  moee evaluate --generated out/ours --reference clips/test --about clips/test.json --out results/ours.json
  moee evaluate --manifest made.json --sampled-by "our lab" --out results/ours.json
  moee evaluate --checkpoint generator --synthetic 28 --seeds 3 --limits --out results/embedded.json
  torchrun --nproc-per-node 4 -m moee evaluate --generated out/ours --reference true --out results/ours.json

--limits writes the rows that say what the metrics can see, real videos (also encoded again) and floors, as
files of their own beside the result, and prints in one table which floors each metric tells from real video.

What was measured is kept in `.kept` beside the result, at most 4 GiB of rows and as much of what networks
saw: an evaluation that was killed goes on with the same command, and the next system's true clips need no
measuring. Under torchrun or srun every process takes a share of the clips, and a GPU of its own if it can;
the result is the same, to the bit where processes have as many threads.

With --about, intervals are taken by identity, and emotions are scored; without it each clip counts as a
person of its own.

The file of --about:
  {"clip_1": {"identity": "M003", "emotion": "happy:0.8"}}

The file of --manifest, for videos that are not two folders of the same names:
  {"clips": [{"key": "clip_1", "generated": "made/1.mp4", "reference": "/data/true/1.mp4",
              "identity": "M003", "emotion": "happy:0.8", "seed": 0, "portrait": "faces/M003.png"}]}

The last four may be missing; paths start at the manifest's folder or are absolute; a video that the system
did not make is null. A file that ends in .csv is a table with the same names as columns, a line for each
video, and an empty cell for what is missing or was not made. With several seeds a clip stands there once for
each. CSIM to reference compares with the portrait, a square face crop, and without one with the first true
frame.
"""
DEFAULT_PROTOCOL = "embedded-v2"
ABOUT_KEYS = ("identity", "emotion")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee evaluate`."""
    made = parser.add_mutually_exclusive_group(required=True)
    made.add_argument("--generated", type=Path, metavar="DIR", help="videos to score")
    made.add_argument("--checkpoint", metavar="C", help="a talking head that makes them; `generator` ships")
    made.add_argument("--manifest", type=Path, metavar="FILE", help="JSON or CSV: videos and true ones")
    true = parser.add_mutually_exclusive_group()
    true.add_argument("--reference", type=Path, metavar="DIR", help="true videos, same file stems")
    true.add_argument("--synthetic", type=int, metavar="N", help="that many held-out synthetic people")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the result, JSON")
    parser.add_argument(
        "--protocol", default=DEFAULT_PROTOCOL, help=f"a name or a YAML file (default: {DEFAULT_PROTOCOL})"
    )
    parser.add_argument(
        "--limits", action="store_true", help="also real videos and floors, as results beside"
    )
    parser.add_argument("--system", type=Path, metavar="FILE", help="what made the videos, from moee foreign")
    parser.add_argument(
        "--name", type=person, help="the system's name in tables (default: the folder's or file's name)"
    )
    parser.add_argument(
        "--sampled-by", type=person, metavar="NAME", help="who made the videos, for the board"
    )
    parser.add_argument("--evaluated-by", type=person, metavar="NAME", help="who evaluates, likewise")
    parser.add_argument(
        "--about", type=Path, metavar="FILE", help="JSON: who and which emotion each clip shows"
    )
    parser.add_argument(
        "--extractor",
        action="append",
        default=[],
        metavar="NAME[=FILE]",
        help="a network of the protocol and its weights (default: what ships, or moee weights keeps); an "
        "optional one is used only if it is named here",
    )
    parser.add_argument("--lpips", type=Path, metavar="FILE", help="AlexNet trunk, torchvision's, for LPIPS")
    parser.add_argument(
        "--lpips-vgg", type=Path, metavar="FILE", help="VGG-16 trunk, likewise, for LPIPS (VGG)"
    )
    parser.add_argument(
        "--kept", type=Path, metavar="DIR", help="what was measured before (default: .kept beside --out)"
    )
    add_device_argument(parser, "networks look, and pictures and sets are compared")
    how = parser.add_argument_group("with --checkpoint")
    told = {name: f"(default: {value})" for name, value in DEFAULTS.items()}  # none here: see check_options
    how.add_argument("--seeds", type=int, help=f"sampling seeds {told['seeds']}")
    how.add_argument("--steps", type=int, help=f"sampling steps {told['steps']}")
    how.add_argument("--frames", type=int, help=f"of a synthetic clip {told['frames']}")
    how.add_argument("--precision", choices=PRECISIONS, help=f"as in moee animate {told['precision']}")
    how.add_argument(
        "--keep-videos",
        type=Path,
        metavar="DIR",
        help="the first seed's as DIR/<name>/<clip>.mp4, for the board",
    )


def run(args: argparse.Namespace) -> int:
    """`moee evaluate`: writes the result and prints it; fails if no clip could be scored."""
    from evaluation.leaderboard.admission import missing_origin
    from evaluation.runtime.distributed import joined
    from moee.files import check_writable
    from moee.judging.summary import limit_table, shape_hint, summary

    check_options(args)
    if args.out.suffix != ".json":
        raise ValueError(f"--out {args.out}: name a .json file, `moee leaderboard` looks for these")
    check_writable(args.out)
    with joined() as world:
        results, notes = _evaluate(args, say if world.first else lambda line: None)
    if not world.first:
        return 0
    for line in [
        *summary(results[0]),
        *(limit_table(results) if args.limits else ()),
        *notes,
        *shape_hint(results[0]),
    ]:
        say(line)
    say(f"written: {args.out}")
    if missing := missing_origin(results[0]):
        say(f"a leaderboard would refuse it, it does not tell {', '.join(missing)}: see --system")
    if all(row.problem for row in results[0].rows):
        warn(f"moee: no clip could be scored; {results[0].rows[0].key}: {results[0].rows[0].problem}")
        return 1
    return 0


def _evaluate(args: argparse.Namespace, tell: Callable[[str], None]) -> "tuple[list[Result], list[str]]":
    """The result, with --limits those that lie beside it; and lines on what could not be told or made."""
    from evaluation.clips.pair import Timed, pairs_of
    from evaluation.evaluate import evaluate_pairs
    from evaluation.protocol import load_protocol
    from evaluation.results.environment import peak_memory_mb
    from evaluation.runtime.devices import choose_device
    from evaluation.runtime.distributed import current_world
    from evaluation.runtime.read_ahead import read_ahead
    from moee.clips.saved_videos import keeping
    from moee.weights.needed import check_weights, load_trunks

    protocol, device = load_protocol(find_protocol(args.protocol)), choose_device(args.device)
    trunks = {"alex": args.lpips, "vgg": args.lpips_vgg}
    check_weights(protocol, args.extractor, trunks)
    clips, entries, notes = _compared(args, protocol, device)
    memory = peak_memory_mb(device)  # of a second of video, before any judge is loaded
    extractors = load_extractors(protocol, args.extractor)
    lpips = load_trunks(protocol, trunks)
    results = []
    for system, make in entries:
        timed = Timed(make, memory) if args.checkpoint and system.role == "system" else None
        out = args.out if not results else limit_path(args.out, system.name)
        tell(f"{system.name}: {len(clips.keys)} clips")
        pairs = pairs_of(clips, timed or make, system.seeds or [0], current_world().share)
        if device.type != "cpu" and not args.checkpoint:  # a network that generates is timed, on the same GPU
            pairs = read_ahead(pairs)
        results.append(
            evaluate_pairs(
                keeping(pairs, system, args.keep_videos) if timed and args.keep_videos else pairs,
                protocol,
                out,
                extractors,
                system,
                "measured" if args.synthetic is None else "exact",
                lpips,
                progress=lambda key, done: tell(f"{done:5} {key}"),
                kept=args.kept or args.out.parent / ".kept",
                timed=timed,
                device=device,
            )
        )
    return results, notes


def _compared(
    args: argparse.Namespace, protocol: "Protocol", device: "torch.device"
) -> "tuple[Clips, list[Entry], list[str]]":
    """The true clips, what is compared with them, the system itself first, and notes on both."""
    from datamodules.media.reading import read_video
    from evaluation.clips.pair import clips_of_folder, floors_not_made
    from moee.clips.finished_videos import finished
    from moee.clips.saved_videos import check_kept
    from moee.clips.sources import Animated, limit_entries, other_emotions, synthetic_clips
    from moee.generation.cost import tflop_per_frame
    from moee.generation.generator import load_generator
    from moee.judging.about import check_about

    size = int(protocol.preprocessing["size"])
    generator = load_generator(args.checkpoint, args.precision, device) if args.checkpoint else None
    about = read_about(args.about) if args.about else None
    if generator is None:
        clips, entries = finished(args, protocol, about)
    else:
        if args.reference:
            clips = clips_of_folder(args.reference, read_video, about)
        else:
            clips = synthetic_clips(args.synthetic, args.frames, size)
        name, seeds = args.name or generator.path.stem, list(range(args.seeds))
        check_kept(args.keep_videos, name)
        cost = tflop_per_frame(generator.network, args.steps)
        entries = Animated(generator, clips, args.steps, cost).entries(name, seeds, args.limits)
    notes = [] if about is None else check_about(about, clips.keys, args.about)
    entries = [(told_by(system, args), make) for system, make in entries]
    if args.limits:
        entries = [*entries, *limit_entries(clips, generator)]
    if args.limits and args.synthetic is not None:
        entries.append(other_emotions(args.synthetic, args.frames, size))
    if args.limits:
        made = {system.name for system, _ in entries}
        missing = {name: why for name, why in floors_not_made(clips).items() if name not in made}
        notes += [f"floor not made: {name}: {why}" for name, why in missing.items()]
    return clips, entries, notes


def limit_path(out: Path, name: str) -> Path:
    """Where the result of another row lies: beside the system's own."""
    words = "-".join("".join(c if c.isalnum() else " " for c in name).split())
    return out.with_name(f"{out.stem}.{words}.json")


def find_protocol(name: str) -> Path:
    """The YAML file of a protocol, by name or by path."""
    from moee.config_errors import unknown_name
    from moee.experiments.merge import CONFIGS

    shipped = CONFIGS / "protocol" / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    if Path(name).is_file():
        return Path(name)
    known = [path.stem for path in shipped.parent.glob("*.yaml")]
    raise FileNotFoundError(unknown_name(f"no protocol {name!r}", name, known))


def load_extractors(protocol: "Protocol", given: Iterable[str] = ()) -> "list[Extractor]":
    """The networks a protocol asks for: shipped or registered ones, or files named as `NAME=FILE`.

    Of its optional networks those that are named, as `NAME=FILE` or as `NAME` alone.

    Raises:
        ValueError: for a name the protocol does not ask for, or a file that does not fit.
        FileNotFoundError: for one that is nowhere; the line says how to get it.
    """
    from moee.config_errors import unknown_name

    files: dict[str, Path | None] = dict.fromkeys(protocol.extractors.values())
    known = [*files, *protocol.optional_extractors.values()]
    for pair in given:
        name, equals, path = pair.partition("=")
        if name not in known or (equals and not path):
            raise ValueError(unknown_name(f"--extractor {pair}: expected NAME=FILE or NAME", name, known))
        files[name] = Path(path) if path else None
    return [load_extractor(name, path) for name, path in files.items()]


def load_extractor(name: str, path: Path | None = None) -> "Extractor":
    """One network, of a publication or of ours, from a file or from where `moee weights` keeps it.

    Whether a publication's file is the published one stands in the network's `doubt`, and so in results.
    """
    from evaluation.extractors.catalogue import load_published_extractor, published
    from moee.weights.modules import load_module, locate_weights
    from moee.weights.registry import doubt, find, sha256_of

    if family := published(name):
        beside = [find(other) for other in family.beside]
        network: Any = load_published_extractor(name, path or find(family.weights), beside)
        network.doubt = doubt(family.weights, network.fingerprint)
        return network
    path = locate_weights(path or name)
    network = load_module(path).requires_grad_(False)
    network.fingerprint = sha256_of(path)
    return network


def read_about(path: Path) -> "dict[str, dict[str, str | Tensor]]":
    """Clip stem -> `identity` and `blend` (E,), from JSON with `identity` and `emotion`.

    Raises:
        ValueError: for broken JSON, an unknown key or an unknown emotion, with the clip's name.
    """
    from datamodules.batch import parse_blend
    from moee.config_errors import unknown_key

    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise ValueError(f'{path}: expected {{"clip": {{"identity": "...", "emotion": "..."}}}}')
    about: dict[str, dict[str, Any]] = {}
    for stem, entry in content.items():
        for key in entry:
            if key not in ABOUT_KEYS:
                raise ValueError(f"{path}: {unknown_key(stem, key, ABOUT_KEYS)}")
        stem = normalize("NFC", stem)  # as file names are compared
        if stem in about:
            raise ValueError(f"{path}: {stem!r} stands there twice, its accents written in two ways")
        about[stem] = {key: entry[key] for key in entry if key == "identity"}
        if "emotion" in entry:
            try:
                about[stem]["blend"] = parse_blend(str(entry["emotion"]))
            except ValueError as error:
                raise ValueError(f"{path}, {stem}: {error}") from None
    return about


def read_json(path: Path) -> Any:
    """The content of a JSON file; what is none becomes one line."""
    try:
        return json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def read_system(path: Path) -> "System":
    """A `System` from JSON.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no JSON, or has a key that a system has not.
    """
    from evaluation.results.system import System
    from evaluation.validation import checked, written_like

    if not path.is_file():
        raise FileNotFoundError(f"no system file {path}")
    content = read_json(path)
    if not isinstance(content, dict) or "name" not in content:
        raise ValueError(f"{path}: expected the record of a system, with a name")
    return System(**checked(written_like(System), content, str(path)).model_dump(exclude_unset=True))
