"""Networks that others published, and ours that ship: where they lie, what they are, how to get them.

A file is trusted by its sha256 alone. Nothing is fetched unless `moee weights fetch` is called.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path

from moee.files import check_writable, replacing, write_text
from moee.weights.published import PUBLISHED, Network

SHIPPED_FOLDER = Path(__file__).parent
CHUNK_BYTES = 1 << 20
LARGEST_UNKNOWN = 1 << 30


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
    # the stem with its folder: `model.pt` of several networks is told apart by that alone
    return (network.name, network.file, str(Path(network.file).with_suffix("")), *network.aliases)


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
    raise FileNotFoundError(
        f"{network.name} ({network.purpose}) is not here: {network.how}, "
        f"or put {network.file} into a folder and name it in MOEE_WEIGHTS"
    )


def _trusted(path: Path, network: Network) -> Path:
    sha256 = sha256_of(path)
    if network.sha256 and not sha256.startswith(network.sha256):
        raise ValueError(
            f"{path} is not the registered {network.name}: sha256 {sha256[:16]}..., expected "
            f"{network.sha256[:16]}...; delete it and fetch it again"
        )
    return path


def doubt(name: str, sha256: str) -> str:
    """Why a file of that sha256 cannot be called the registered network; empty for the registered one."""
    from evaluation.extractors.interface import OTHER_WEIGHTS, UNCHECKED_WEIGHTS

    known = registered(name).sha256
    if known is None:
        return UNCHECKED_WEIGHTS
    return "" if sha256.startswith(known) else OTHER_WEIGHTS


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
    if target.is_file() and network.sha256 and sha256_of(target).startswith(network.sha256):
        return target
    check_writable(target, network.size_bytes or 0)
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


@dataclass(frozen=True)
class NetworkState:
    """Whether a registered network is here: its file, or what to do about it.

    Args:
        path: the trusted file; None where it is missing or another one.
        note: on a file, that nobody could check it; otherwise what is wrong and how to mend it.
    """

    path: Path | None
    note: str = ""


def state_of(network: Network) -> NetworkState:
    """Look for a network, as `find` does, without an error."""
    try:
        return NetworkState(
            find(network.name), "" if network.sha256 else "not checked: its sha256 is not known"
        )
    except FileNotFoundError:
        by_hand = f", as {network.file}" if network.by_hand else ""
        return NetworkState(None, f"not here; {network.how}{by_hand}")
    except ValueError as error:
        return NetworkState(None, str(error))
