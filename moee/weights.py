"""Networks that others published, and ours that ship: where they lie, what they are, how to get them.

A file is trusted by its sha256 alone. Nothing is fetched unless `moee weights fetch` is called.
"""

import argparse
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path

from moee.console import say
from moee.files import replacing, write_text

SHIPPED_FOLDER = Path(__file__).with_name("weights")
CHUNK_BYTES = 1 << 20
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
GITHUB = "https://raw.githubusercontent.com"
TDDFA = f"{GITHUB}/cleardusk/3DDFA_V2/1b6c67601abffc1e9f248b291708aef0e43b55ae"
ARRIAGA = f"{GITHUB}/oarriaga/face_classification/b861d21b0e76ca5514cdeb5b56a689b7318584f4"
GOOGLE_MODELS = "https://storage.googleapis.com/mediapipe-models"


@dataclass(frozen=True)
class Network:
    """One file of weights. `address` is None for what ships with the package.

    What is not fetched says in `by_hand` how to get it. `sha256` is None where no source states it; such a
    file is used as it is, and a result records the sha256 it had. An unknown `size_bytes` is 0.
    """

    name: str
    file: str
    sha256: str | None
    size_bytes: int
    licence: str
    purpose: str
    address: str | None = None
    aliases: tuple[str, ...] = ()
    by_hand: str = ""


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
    # sha256 of the files in cleardusk/3DDFA_V2 1b6c676
    Network(
        name="3ddfa_v2_mb05",
        file="mb05_120x120.pth",
        sha256="f93ed7f1c4c0382b16d7c18480a5f67473c1917a47475a9823924f38aeb27280",
        size_bytes=3_752_462,
        licence="MIT",
        purpose="expression coefficients for E-FID, and head pose (3DDFA_V2, MobileNet 0.5, Guo et al. 2020)",
        address=f"{TDDFA}/weights/mb05_120x120.pth",
    ),
    # made by numpy.savez(file, mean=..., std=...) from the authors' pickle, which is never read here
    Network(
        name="3ddfa_v2_mean_std",
        file="param_mean_std_62d_120x120.npz",
        sha256="0d388ea967886499f2f9c1073c44312ae0b4f73817a17ea83ee353f4ece0c52e",
        size_bytes=996,
        licence="MIT",
        purpose="what 3DDFA_V2's 62 outputs are scaled and shifted by",
        address=f"{TDDFA}/configs/param_mean_std_62d_120x120.pkl",
        by_hand="numpy.savez(file, mean=..., std=...) of the two arrays in the authors' "
        "param_mean_std_62d_120x120.pkl gives it byte by byte",
    ),
    # sha256 of the file in oarriaga/face_classification b861d21
    Network(
        name="fer2013_mini_xception",
        file="fer2013_mini_XCEPTION.102-0.66.hdf5",
        sha256="59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e",
        size_bytes=872_856,
        licence="MIT",
        purpose="seven emotions of a face (mini-Xception on FER-2013, Arriaga et al. 2017)",
        address=f"{ARRIAGA}/trained_models/emotion_models/fer2013_mini_XCEPTION.102-0.66.hdf5",
    ),
    # sha256 and size stand in no source that could be read; the repository holds the file (git blob 6833bfdc)
    Network(
        name="emonet8",
        file="emonet_8.pth",
        sha256=None,
        size_bytes=0,
        licence="CC BY-NC-ND 4.0, non-commercial",
        purpose="eight emotions of a face (EmoNet on AffectNet, Toisoul et al. 2021)",
        address=f"{GITHUB}/face-analysis/emonet/49eef301513686d6cfd8304682d3ba7216baf398/pretrained/emonet_8.pth",
        by_hand="its sha256 is not known: take pretrained/emonet_8.pth of face-analysis/emonet on GitHub "
        "yourself, if its non-commercial licence suits you",
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
    places = [SHIPPED_FOLDER] if network.address is None else folders()
    for place in places:
        for file in (network.file, *network.aliases):
            if (place / file).is_file():
                return _trusted(place / file, network)
    if network.address is None:
        raise FileNotFoundError(f"{network.file} is missing from the installation: install moee-suite again")
    how = network.by_hand or f"run `moee weights fetch {network.name}`"
    raise FileNotFoundError(
        f"{network.name} ({network.purpose}) is not here: {how}, "
        f"or put {network.file} into a folder and name it in MOEE_WEIGHTS"
    )


def _trusted(path: Path, network: Network) -> Path:
    found = sha256_of(path)
    if network.sha256 and found != network.sha256:
        raise ValueError(
            f"{path} is not the registered {network.name}: sha256 {found[:16]}..., expected "
            f"{network.sha256[:16]}...; delete it and fetch it again"
        )
    return path


def fetch(name: str, folder: Path | None = None) -> Path:
    """Download one network, check its sha256, and only then give it its name.

    Raises:
        ValueError: if what arrived is not the registered file, or it is one to be got by hand.
        OSError: if it cannot be reached or written.
    """
    network = registered(name)
    if network.address is None:
        return find(name)
    if network.by_hand:
        raise ValueError(f"{network.name} is not fetched: {network.by_hand}")
    folder = folder or folders()[0]
    target = folder / network.file
    if target.is_file() and sha256_of(target) == network.sha256:
        return target
    with replacing(target) as partial:
        _download(network, partial)
        _trusted(partial, network)
    return target


def _download(network: Network, target: Path) -> None:
    """At most the registered number of bytes, plus one that betrays a longer file."""
    import urllib.request

    request = urllib.request.Request(str(network.address), headers={"User-Agent": "moee-suite"})
    with urllib.request.urlopen(request, timeout=60) as answer, target.open("wb") as file:
        left = network.size_bytes + 1
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
        for network in chosen:
            skipped = network.by_hand and not args.names
            got = f"left out, {network.by_hand}" if skipped else fetch(network.name, args.folder)
            say(f"{network.name}: {got}")
        return 0
    complete = True
    for network in chosen:
        state, right = _state(network)
        complete &= right
        size = f"{network.size_bytes / 1e6:6.1f}" if network.size_bytes else "     ?"
        say(f"{network.name:20} {size} MB  {network.licence:12} {state}")
        if args.action == "list":
            say(f"{'':20} {network.purpose}")
            said = network.sha256 or "not known"
            say(f"{'':20} {network.address or 'ships with moee-suite'}  sha256 {said}")
    return 0 if complete or args.action == "list" else 1


def _state(network: Network) -> tuple[str, bool]:
    try:
        unchecked = "" if network.sha256 else " (not checked: its sha256 is not known)"
        return f"{find(network.name)}{unchecked}", True
    except FileNotFoundError:
        return f"not here; {network.by_hand or f'`moee weights fetch {network.name}`'}", False
    except ValueError as error:
        return str(error), False
