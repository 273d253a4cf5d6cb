"""Networks that others published, and ours that ship: where they lie, what they are, how to get them.

A file is trusted by its sha256 alone. Nothing is fetched unless `moee weights fetch` is called.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path

from moee.console import say
from moee.files import replacing, write_text

SHIPPED_FOLDER = Path(__file__).with_name("weights")
CHUNK_BYTES = 1 << 20
LARGEST_UNKNOWN = 1 << 30
DESCRIPTION = """The registry of networks: what ships, what others published, what is here.

They are looked for in $MOEE_WEIGHTS, then in the cache folder, and trusted by their sha256.
"""
EXAMPLES = """\
examples:
  moee weights list
  moee weights fetch face_landmarker
  moee weights verify
"""
OPEN_SORA_PLAN = "https://huggingface.co/spaces/LanguageBind/Open-Sora-Plan-v1.0.0/resolve"
ARCFACE_MODELS = "the model zoo of github.com/deepinsight/insightface, recognition/arcface_torch"
GOOGLE_MODELS = "https://storage.googleapis.com/mediapipe-models"


@dataclass(frozen=True)
class Network:
    """One file of weights.

    Args:
        sha256: the whole of it, or the first digits where its publisher names no more, or empty where no
            source tells it: then any file of that name is taken, and a result records what it was.
        size_bytes: 0 where no source tells it.
        address: from where `moee weights fetch` gets it; None for what ships, or where `how` is given.
        how: what the user does to get a file that cannot be fetched.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str
    address: str | None = None
    aliases: tuple[str, ...] = ()
    how: str = ""

    @property
    def ships(self) -> bool:
        """Whether it lies in the package."""
        return self.address is None and not self.how

    @property
    def getting(self) -> str:
        """How to get it, as part of a line."""
        return f"get it by hand ({self.how})" if self.how else f"run `moee weights fetch {self.name}`"


PUBLISHED = (
    Network(
        name="face_landmarker",
        file="face_landmarker_v2_with_blendshapes.task",
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        size_bytes=3_758_596,
        licence="Apache-2.0",
        purpose="478 face points and 52 blendshapes of real pictures (MediaPipe, Google)",
        address=f"{GOOGLE_MODELS}/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
        aliases=("face_landmarker.task",),
    ),
    Network(
        name="blaze_face",
        file="blaze_face_short_range.tflite",
        sha256="b4578f35940bf5a1a655214a1cce5cab13eba73c1297cd78e1a04c2380b0152f",
        size_bytes=229_746,
        licence="Apache-2.0",
        purpose="face boxes of real pictures (MediaPipe BlazeFace, Google)",
        address=f"{GOOGLE_MODELS}/face_detector/blaze_face_short_range/float16/1/blaze_face_short_range.tflite",
    ),
    # sha256 and size as several public projects pin them; the first eight digits are in the file's own name
    Network(
        name="inception_tf2015",
        file="pt_inception-2015-12-05-6726825d.pth",
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        size_bytes=95_628_359,
        licence="Apache-2.0",
        purpose="the features FID and KID rest on (Inception 2015-12-05, Google; port of pytorch-fid)",
        address="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        aliases=("weights-inception-2015-12-05-6726825d.pth",),
    ),
    # sha256 and size from the Git LFS pointer of the same path in camenduru/Open-Sora-Plan-v1.0.0-hf a220803
    Network(
        name="i3d_kinetics400",
        file="i3d_pretrained_400.pt",
        sha256="55095f049e706479d48e221adcdb145b2b9dc930ba28b081ed72367ffaa32343",
        size_bytes=50_939_526,
        licence="Apache-2.0",
        purpose="the scores FVD rests on (I3D, Kinetics-400, DeepMind; port of VideoGPT)",
        address=f"{OPEN_SORA_PLAN}/810fa8c4bdb3a4c8eec9bd57375c29bde6fb46de/"
        "opensora/eval/fvd/videogpt/i3d_pretrained_400.pt",
    ),
    # sha256 and size as several public projects pin them; the code is MIT, of the weights nothing is said
    Network(
        name="syncnet_v2",
        file="syncnet_v2.model",
        sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
        size_bytes=54_573_114,
        licence="not stated",
        purpose="lips and speech in time, for Sync-C and Sync-D (SyncNet v2, Chung & Zisserman 2016)",
        address="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
    ),
    # one file a set of people and depth, all called backbone.pth; no source tells their sha256
    *(
        Network(
            name=f"arcface_{people}_{layers}",
            file=f"arcface_{people}_{layers}.pth",
            sha256="",
            size_bytes=0,
            licence="non-commercial research",
            purpose=f"identity, for CSIM (ArcFace {layers} of {people}, Deng et al. 2019)",
            how=f"the backbone.pth of {folder} from {ARCFACE_MODELS}, under this name",
        )
        for people, layers, folder in (
            ("ms1mv3", "r50", "ms1mv3_arcface_r50_fp16"),
            ("ms1mv3", "r100", "ms1mv3_arcface_r100_fp16"),
            ("glint360k", "r50", "glint360k_cosface_r50_fp16_0.1"),
            ("glint360k", "r100", "glint360k_cosface_r100_fp16_0.1"),
        )
    ),
)


def shipped() -> tuple[Network, ...]:
    """The embedded networks inside this package, as `weights/index.json` lists them."""
    index = SHIPPED_FOLDER / "index.json"
    if not index.is_file():
        return ()
    entries = json.loads(index.read_text())
    return tuple(Network(**(entry | {"aliases": tuple(entry.get("aliases", ()))})) for entry in entries)


def register(path: Path, name: str, licence: str, purpose: str) -> Network:
    """Enter a file of the package's `weights` folder into its index, in place of an entry of the same name.

    Raises:
        ValueError: if the file lies elsewhere.
    """
    if path.resolve().parent != SHIPPED_FOLDER.resolve():
        raise ValueError(f"{path} does not lie in {SHIPPED_FOLDER}, from where it would ship")
    entry = Network(name, path.name, sha256_of(path), path.stat().st_size, licence, purpose)
    others = [network for network in shipped() if network.name != name]
    rows = [asdict(network) for network in sorted([*others, entry], key=lambda network: network.name)]
    write_text(SHIPPED_FOLDER / "index.json", json.dumps(rows, indent=2) + "\n")
    return entry


def networks() -> tuple[Network, ...]:
    """Every registered network, shipped ones first."""
    return (*shipped(), *PUBLISHED)


def registered(name: str) -> Network:
    """The network of that name, file name or file stem; otherwise a `ValueError` with the nearest name."""
    for network in networks():
        if name in _names(network):
            return network
    known = [network.name for network in networks()]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"no network {name!r} in the registry: {hint}known are {', '.join(known)}")


def is_registered(name: str) -> bool:
    """Whether `find` knows the name."""
    return any(name in names for names in map(_names, networks()))


def _names(network: Network) -> tuple[str, ...]:
    return (network.name, network.file, Path(network.file).stem, *network.aliases)


def folders() -> list[Path]:
    """Where published networks are looked for: `$MOEE_WEIGHTS` (several allowed), then the cache folder."""
    named = [Path(part) for part in os.environ.get("MOEE_WEIGHTS", "").split(os.pathsep) if part]
    return [*named, cache_folder()]


def cache_folder() -> Path:
    """Where `moee weights fetch` puts files: `$XDG_CACHE_HOME/moee/weights`, by default below `~/.cache`."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "moee" / "weights"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find(name: str) -> Path:
    """The file of a registered network.

    Raises:
        ValueError: for an unknown name, or a file whose sha256 is not the registered one.
        FileNotFoundError: if it lies nowhere; the line says how to get it.
    """
    network = registered(name)
    places = [SHIPPED_FOLDER] if network.ships else folders()
    for place in places:
        for file in (network.file, *network.aliases):
            if (place / file).is_file():
                return _trusted(place / file, network)
    if network.ships:
        raise FileNotFoundError(f"{network.file} is missing from the installation: install moee-suite again")
    also = "and" if network.how else "or"
    raise FileNotFoundError(
        f"{network.name} ({network.purpose}) is not here: {network.getting}, "
        f"{also} put {network.file} into a folder and name it in MOEE_WEIGHTS"
    )


def _trusted(path: Path, network: Network) -> Path:
    found = sha256_of(path)
    if not found.startswith(network.sha256):
        raise ValueError(
            f"{path} is not the registered {network.name}: sha256 {found[:16]}..., expected "
            f"{network.sha256[:16]}...; delete it and fetch it again"
        )
    return path


def fetch(name: str, folder: Path | None = None) -> Path:
    """Download one network, check its sha256, and only then give it its name.

    Raises:
        ValueError: if what arrived is not the registered file.
        FileNotFoundError: if it is not here and has no address.
        OSError: if it cannot be reached or written.
    """
    network = registered(name)
    if network.address is None:
        return find(name)
    folder = folder or folders()[0]
    target = folder / network.file
    if target.is_file() and sha256_of(target).startswith(network.sha256):
        return target
    with replacing(target) as partial:
        _download(network, partial)
        _trusted(partial, network)
    return target


def _download(network: Network, target: Path) -> None:
    """At most the registered number of bytes, or a gibibyte, plus one that betrays a longer file."""
    import urllib.request

    request = urllib.request.Request(str(network.address), headers={"User-Agent": "moee-suite"})
    with urllib.request.urlopen(request, timeout=60) as answer, target.open("wb") as file:
        left = (network.size_bytes or LARGEST_UNKNOWN) + 1
        while left and (chunk := answer.read(min(CHUNK_BYTES, left))):
            file.write(chunk)
            left -= len(chunk)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee weights`."""
    parser.add_argument("action", choices=("list", "fetch", "verify"), help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks (default: all)")
    parser.add_argument(
        "--folder", type=Path, help="where to fetch to (default: $MOEE_WEIGHTS, then the cache)"
    )


def run(args: argparse.Namespace) -> int:
    """`moee weights`: 0 if everything asked for is there and right, 1 otherwise."""
    chosen = [registered(name) for name in args.names] or list(networks())
    if args.action == "fetch":
        return _fetch_all(chosen, args.folder)
    complete = True
    for network in chosen:
        state, right = _state(network)
        complete &= right
        size = f"{network.size_bytes / 1e6:6.1f} MB" if network.size_bytes else f"{'?':>6} MB"
        say(f"{network.name:24} {size}  {network.licence:14} {state}")
        if args.action == "list":
            say(f"{'':24} {network.purpose}")
            origin = network.address or network.how or "ships with moee-suite"
            say(f"{'':24} {origin}  sha256 {network.sha256 or 'told by no source'}")
    return 0 if complete or args.action == "list" else 1


def _fetch_all(chosen: Sequence[Network], folder: Path | None) -> int:
    """Fetch what has an address; 1 if something has to be got by hand."""
    left = 0
    for network in chosen:
        try:
            say(f"{network.name}: {fetch(network.name, folder)}")
        except FileNotFoundError as error:
            if not network.how:
                raise
            left += 1
            say(str(error))
    return 1 if left else 0


def _state(network: Network) -> tuple[str, bool]:
    try:
        return str(find(network.name)), True
    except FileNotFoundError:
        return f"not here; {network.getting}", False
    except ValueError as error:
        return str(error), False
