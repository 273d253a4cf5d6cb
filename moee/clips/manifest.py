"""The manifest of `moee evaluate`: which video stands for which true one, and what is known of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from unicodedata import normalize

from pydantic import AfterValidator, BeforeValidator, ValidationError, ValidationInfo

from evaluation.leaderboard.admission import LONGEST_KEY
from evaluation.validation import Written, checked, problem

if TYPE_CHECKING:
    from torch import Tensor

    from evaluation.clips.folders import FinishedVideos
    from evaluation.clips.true_clips import Clips
    from moee.clips.reading import ClipReader

MANIFEST_VERSION = 1
REQUIRED = ("key", "generated", "reference")
LONGEST_PATH = 4096  # characters
PATHS = ("generated", "reference", "portrait")


def _printable(value: object, longest: int = LONGEST_KEY) -> str:
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= longest:
        return value
    raise ValueError(f"expected a printable text of at most {longest} characters, got {value!r}")


def _composed(key: str) -> str:
    return normalize("NFC", key)  # as file names are compared


def _seed(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"expected a whole number, 0 or more, got {value!r}")


def _in_folder(value: object, info: ValidationInfo) -> Path:
    """A path as written if absolute, otherwise below the folder of the manifest."""
    text = _printable(value, LONGEST_PATH)
    if Path(text).is_absolute():
        return Path(text)
    if Path(normpath(text)).parts[:1] == ("..",):
        raise ValueError(f"{text} leads out of the manifest's folder: name it by an absolute path")
    return Path((info.context or {}).get("folder", ".")) / text


def _rate(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1000:
        return float(value)
    raise ValueError(f"expected frames a second, such as 30, got {value!r}")


Text = Annotated[str, BeforeValidator(_printable)]
Key = Annotated[Text, AfterValidator(_composed)]
Seed = Annotated[int, BeforeValidator(_seed)]
Rate = Annotated[float, BeforeValidator(_rate)]
File = Annotated[Path, BeforeValidator(_in_folder)]


class Listed(Written):
    """One finished video.

    Args:
        key: of the clip.
        generated: the video; None where the system made none, which counts as a failure.
        reference: the true video.
        identity: of the person; None where each clip counts as a person of its own.
        emotion: as in `moee animate --emotion`; None where unknown.
        seed: of the sampler; None where one video a clip is all there is.
        portrait: the picture the system was given; None where it was the first true frame.
        frame_rate: of what is a folder of numbered frames among both videos; None where none is.
    """

    key: Key
    generated: File | None
    reference: File
    identity: Text | None = None
    emotion: Text | None = None
    seed: Seed | None = None
    portrait: File | None = None
    frame_rate: Rate | None = None


class Manifest(Written):
    """The JSON file: a list whose entries are checked one by one, and the version of its form."""

    clips: list[Any]
    version: Any = MANIFEST_VERSION


FIELDS = tuple(Listed.model_fields)


def read_manifest(path: Path, frame_rate: float | None = None) -> list[Listed]:
    """The videos that a manifest lists; relative paths start at its folder, others have to be absolute.

    A file that ends in .csv is read as a table with the same names as columns, any other as JSON.

    Args:
        path: of the manifest.
        frame_rate: of folders of numbered frames of which it does not say it.

    Raises:
        FileNotFoundError: if it, or a file it names, is not there.
        ValueError: for anything in it that is not as `moee evaluate --help` says, with the place.
    """
    from moee.clips.manifest_table import read_table

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no manifest {path}")
    table = path.suffix.lower() == ".csv"
    entries = [] if table else _read_clips(path)
    try:
        entries = read_table(path, FIELDS, REQUIRED) if table else entries
        listed = [_listed(place, entry, path.parent) for place, entry in entries]
        _check_together(listed)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    _check_files(path, listed, frame_rate)
    return listed


def _read_clips(path: Path) -> list[tuple[str, Any]]:
    """Place and content of each entry of the JSON's list."""
    from evaluation.reading import read_json

    content = read_json(path, "manifest")
    if not isinstance(content, dict) or not isinstance(content.get("clips"), list) or not content["clips"]:
        raise ValueError(
            f'{path}: expected {{"clips": [{{"key": ..., "generated": ..., "reference": ...}}]}}'
        )
    manifest = checked(Manifest, content, str(path))
    if manifest.version != MANIFEST_VERSION:
        raise ValueError(f"{path}: version {manifest.version!r}, this suite reads {MANIFEST_VERSION}")
    return [(f"clip {n}", entry) for n, entry in enumerate(manifest.clips, 1)]


def _listed(place: str, entry: Any, folder: Path) -> Listed:
    """One entry of the list, its paths complete."""
    if not isinstance(entry, dict):
        raise ValueError(f"{place}: expected key, generated and reference")
    where = f"{place} ({entry['key']!r})" if isinstance(entry.get("key"), str) else place
    try:
        return Listed.model_validate(entry, context={"folder": folder})
    except ValidationError as error:
        raise ValueError(f"{where}: {problem(error, Listed)}") from None


def _check_together(listed: Sequence[Listed]) -> None:
    """Each clip and seed once, each video once, and of one clip one truth."""
    seeded = sum(entry.seed is not None for entry in listed)
    if 0 < seeded < len(listed):
        key = next(entry.key for entry in listed if entry.seed is None)
        raise ValueError(f"{key!r} has no seed and others have: give one to each, or to none")
    (key, seed), times = Counter((entry.key, entry.seed) for entry in listed).most_common(1)[0]
    if times > 1:
        how = "give each a `seed`" if seed is None else f"with seed {seed}"
        raise ValueError(f"{key!r} stands there {times} times: {how}")
    for video, times in Counter(entry.generated for entry in listed).items():
        if video is not None and times > 1:
            raise ValueError(f"{video} is the generated video of {times} entries")
    first = {entry.key: entry for entry in reversed(listed)}
    for entry in listed:
        for name in ("reference", "identity", "emotion", "portrait"):
            if getattr(entry, name) != getattr(first[entry.key], name):
                raise ValueError(f"{entry.key!r} has two different values of {name}")


def _check_files(path: Path, listed: Sequence[Listed], frame_rate: float | None) -> None:
    named: list[Path | None] = [getattr(entry, name) for entry in listed for name in PATHS]
    rates = frame_rates(listed)
    folders = [entry.generated for entry in listed] + [entry.reference for entry in listed]
    absent = []
    for file in dict.fromkeys(named):
        if file is not None and file.is_dir() and file in folders:
            if rates.get(file, frame_rate) is None:
                raise ValueError(f"{path}: {file} is a folder of frames: give its frame_rate")
        elif file is not None and not file.is_file():
            absent.append(file)
    if absent:
        more = f", nor {len(absent) - 1} others" if len(absent) > 1 else ""
        raise FileNotFoundError(f"{path}: no file {absent[0]}{more} (a video that was not made is null)")


def frame_rates(listed: Sequence[Listed]) -> dict[Path, float]:
    """Frames a second of the videos that are listed with a rate."""
    rates: dict[Path, float] = {}
    for entry in listed:
        if entry.frame_rate is not None:
            both = (video for video in (entry.generated, entry.reference) if video is not None)
            rates |= dict.fromkeys(both, entry.frame_rate)
    return rates


def clips_of_manifest(
    listed: Sequence[Listed], reader: "ClipReader", read_image: Callable[[Path], "Tensor"]
) -> "tuple[Clips, FinishedVideos, list[int]]":
    """True clips in order of their keys, the finished videos, and the seeds in order, if any are told.

    Raises:
        ValueError: for an unknown emotion, with the clip's name.
    """
    from evaluation.clips.folders import FinishedVideos, clips_of_files

    first = {entry.key: entry for entry in reversed(listed)}
    clips = clips_of_files(
        {key: entry.reference for key, entry in first.items()},
        reader.true,
        {key: _known(entry) for key, entry in first.items()},
        {key: entry.portrait for key, entry in first.items() if entry.portrait},
        read_image,
    )
    videos = {(entry.key, entry.seed): entry.generated for entry in listed}
    seeds = sorted({entry.seed for entry in listed if entry.seed is not None})

    def find(index: int, seed: int) -> Path | None:
        return videos.get((clips.keys[index], seed if seeds else None))

    return clips, FinishedVideos(find, reader), seeds


def _known(entry: Listed) -> dict[str, Any]:
    from datamodules.batch import parse_blend

    known: dict[str, Any] = {} if entry.identity is None else {"identity": entry.identity}
    if entry.emotion is not None:
        try:
            known["blend"] = parse_blend(entry.emotion)
        except ValueError as error:
            raise ValueError(f"{entry.key}: {error}") from None
    return known
