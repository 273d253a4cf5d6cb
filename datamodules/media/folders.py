"""What lies in a folder of recordings: videos, sounds, folders of numbered frames, and what is not read."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What files are is told by their endings, the usual ones first.
VIDEO_ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".ogv", ".avi", ".flv", ".f4v"),
    *(".wmv", ".asf", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".gif"),
)
SOUND_ENDINGS = (
    *(".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".w64", ".aif", ".aiff", ".caf"),
    *(".wma", ".mka"),
)
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
VIDEO, SOUND, PICTURE = frozenset(VIDEO_ENDINGS), frozenset(SOUND_ENDINGS), frozenset(PICTURE_ENDINGS)
# What may lie beside recordings without being one: it is passed over without a word.
BESIDE = frozenset(
    (".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".yaml", ".yml", ".srt", ".vtt", ".npy", ".npz")
)
NUMBER = re.compile(r"(\d+)$")


@dataclass(frozen=True)
class FolderContents:
    """Paths relative to the folder, sorted. Hidden files count for nothing."""

    videos: list[Path] = field(default_factory=list)
    sounds: list[Path] = field(default_factory=list)
    frame_folders: list[Path] = field(default_factory=list)  # of numbered pictures: each is a silent video
    left_out: dict[Path, str] = field(default_factory=dict)  # the reason why a file is not read
    beside: list[Path] = field(default_factory=list)  # text and tables, which may say something of the others


def folder_contents(folder: Path | str) -> FolderContents:
    """Everything below a folder by what it is; text and tables beside recordings are passed over.

    Raises:
        FileNotFoundError: if there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    contents = FolderContents()
    framed: set[Path] = set()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative, ending = path.relative_to(folder), path.suffix.lower()
        if any(part.startswith(".") for part in relative.parts):
            continue
        if ending in VIDEO:
            contents.videos.append(relative)
        elif ending in SOUND:
            contents.sounds.append(relative)
        elif ending in PICTURE and relative.parent != Path() and _number(path) is not None:
            framed.add(relative.parent)
        elif ending in BESIDE:
            contents.beside.append(relative)
        else:
            kind = "a single picture" if ending in PICTURE else f"{ending or 'no ending'} is not read"
            contents.left_out[relative] = f"left out: {kind}"
    contents.frame_folders.extend(sorted(framed))
    return contents


def left_out_line(left_out: Mapping[Path, str]) -> str | None:
    """One line that names what is not read and why; None if everything is.

    Args:
        left_out: path -> reason, as `FolderContents` has it.
    """
    if not left_out:
        return None
    names = [path.as_posix() for path in left_out]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    reasons = Counter(reason.removeprefix("left out: ") for reason in left_out.values())
    why = ", ".join(reason for reason, _ in reasons.most_common())
    return f"left out: {', '.join(names[:5])}{more} ({why}; videos are {' '.join(VIDEO_ENDINGS)})"


def sound_beside(path: Path) -> Path | None:
    """The sound file of the same name as a video or a folder of frames: its sound where it has none."""
    name = path.stem if path.suffix.lower() in VIDEO else path.name
    endings = (form for ending in SOUND_ENDINGS for form in (ending, ending.upper()))
    beside = (path.with_name(name + ending) for ending in endings)
    return next((file for file in beside if file.is_file()), None)


def frame_files(folder: Path | str) -> list[Path]:
    """The numbered pictures of a folder in the order of their numbers.

    Raises:
        ValueError: if there is none, or a number occurs twice.
    """
    folder = Path(folder)
    numbered: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        number = _number(path) if path.suffix.lower() in PICTURE and not path.name.startswith(".") else None
        if number is None:
            continue
        if number in numbered:
            raise ValueError(f"{folder}: {numbered[number].name} and {path.name} are both frame {number}")
        numbered[number] = path
    if not numbered:
        raise ValueError(f"{folder}: a folder without numbered pictures, such as 0001.png, is no video")
    return [numbered[number] for number in sorted(numbered)]


def _number(path: Path) -> int | None:
    """The number at the end of a picture's name; None without one."""
    match = NUMBER.search(path.stem)
    return int(match[1]) if match else None
