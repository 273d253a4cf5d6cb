"""Videos for a page: found by name, looked at before they are copied, linked relatively."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from evaluation.clips.files import stem
from evaluation.reading import read_json
from evaluation.runtime.whole_files import write_whole
from evaluation.validation import Recorded, checked

SIGNATURES = {".mp4": (4, b"ftyp"), ".webm": (0, b"\x1a\x45\xdf\xa3")}  # where in the file, what stands there
LARGEST_VIDEO = 8 * 2**20  # bytes
FOLDER = "videos"  # of a page, and of what `moee foreign` leaves
RECORD = "system.json"  # which tells whose videos those are

Videos = Mapping[str, Mapping[str, Path]]  # system -> caption -> file
Links = dict[str, dict[str, str]]  # system -> caption -> address relative to the page


def read_video_file(path: Path) -> bytes:
    """Content of a video that a browser plays and a page can carry.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is too large, or not the MP4 or WebM it is called.
    """
    path = Path(path)
    if path.suffix.lower() not in SIGNATURES:
        raise ValueError(f"{path}: a page shows {' and '.join(SIGNATURES)} only, convert it")
    if not path.is_file():
        raise FileNotFoundError(f"no video {path}")
    size = path.stat().st_size
    if size > LARGEST_VIDEO:
        raise ValueError(f"{path} has {size} bytes, at most {LARGEST_VIDEO} fit on a page: shorten it")
    content = path.read_bytes()
    place, signature = SIGNATURES[path.suffix.lower()]
    if content[place : place + len(signature)] != signature:
        raise ValueError(f"{path} is not the {path.suffix} video it is called")
    return content


def copy_videos(videos: Videos, out: Path) -> Links:
    """Copy videos into the page's folder, named by their content; where they lie, relative to the page."""
    links: Links = {}
    for system, files in videos.items():
        for caption, path in files.items():
            content = read_video_file(path)
            name = f"{sha256(content).hexdigest()[:16]}{Path(path).suffix.lower()}"
            (out / FOLDER).mkdir(parents=True, exist_ok=True)
            write_whole(out / FOLDER / name, content)
            links.setdefault(system, {})[caption] = f"{FOLDER}/{name}"
    return links


def find_videos(folder: Path, keys: Mapping[str, Iterable[str]], most: int) -> dict[str, dict[str, Path]]:
    """Videos of a few clips: `folder` holds a folder for each system, which holds `<clip>.mp4` or `.webm`.

    A folder is called like its system, as `moee evaluate --keep-videos` leaves it, or is what `moee foreign`
    leaves: a `system.json` that tells the name, beside `videos/`. `folder` may itself be such a one. What is
    there is listed and compared with names and keys; nothing from a result becomes part of a path.

    Args:
        folder: of the systems' folders.
        keys: system -> keys of its clips.
        most: clips to show, those first that most systems have.

    Raises:
        FileNotFoundError: if the folder is missing.
        ValueError: if it holds no folder of a system, two of one, or a link leads out of it.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    videos: dict[str, dict[str, Path]] = {}
    for system, own in _folders(Path(folder), keys).items():
        wanted = set(keys[system])
        files = [
            p for p in sorted(own.iterdir()) if p.suffix.lower() in SIGNATURES and stem(p.name) in wanted
        ]
        for path in files:
            if not path.resolve().is_relative_to(Path(folder).resolve()):
                raise ValueError(f"{path} is a link out of {folder}")
            videos.setdefault(system, {})[stem(path.name)] = path
    if not videos:
        raise ValueError(
            f"{folder}: expected folders called {', '.join(sorted(keys))} with videos of their clips, "
            "or a system.json beside videos/ in each"
        )
    counts = Counter(key for own in videos.values() for key in own)
    shown = sorted(counts, key=lambda key: (-counts[key], key))[:most]
    return {system: {key: own[key] for key in shown if key in own} for system, own in videos.items()}


def _folders(folder: Path, names: Collection[str]) -> dict[str, Path]:
    """System -> the folder of its videos, for the systems that are among the names."""
    places: dict[str, Path] = {}
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    recorded = [path for path in (folder, *inside) if (path / RECORD).is_file() and (path / FOLDER).is_dir()]
    named = [(_recorded_name(path / RECORD), path.name, path / FOLDER) for path in recorded]
    named += [(path.name, path.name, path) for path in inside if path not in recorded]
    for name, own_name, videos in named:
        system = name if name in names else own_name  # `moee evaluate --name` may have called it otherwise
        if system not in names:
            continue
        if system in places:
            raise ValueError(f"{places[system]} and {videos} are both of {system}: leave one out")
        places[system] = videos
    return places


class _Named(Recorded):
    """Of a system's record what a page needs."""

    name: str


def _recorded_name(path: Path) -> str:
    return checked(_Named, read_json(path), f"{path} is no record of a system").name
