"""Any folder of videos and sound files as a corpus, described by its `manifest.csv` where there is one."""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.batch import FPS
from datamodules.media.folders import SOUND, VIDEO, folder_contents
from datamodules.text import decoded

VOICE_KINDS = {"utterance", "voice"}  # what the column `kind` calls speech that stands for itself
CLIP_KINDS = {"clip", "video"}
# Columns of the manifest that a sample keeps. `transcript` is what is said; `text` describes the emotion in
# words.
FACTS = ("emotion", "intensity", "transcript", "text", "license", "consent")
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Source:
    """One recording of the corpus and what is known about it; paths are relative to the corpus folder."""

    key: str
    path: str
    kind: str  # "clip" or "voice"
    corpus: str
    identity: str
    facts: dict[str, str] = field(default_factory=dict)
    face_box: str | None = None
    sound: str | None = None  # a sound file of the same name beside a video
    frame_rate: float = FPS  # of a folder of numbered frames; a video states its own


def safe_key(path: str) -> str:
    """A path without its ending as a name that is safe in a tar: letters, digits, `_` and `-`."""
    stem = path[: -len(Path(path).suffix)] if Path(path).suffix else path
    return re.sub(r"[^\w-]", "_", stem.replace("/", "__"))


def read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of `manifest.csv` by path, in UTF-8 or, with a byte order mark, UTF-16; none without the file.

    Raises:
        ValueError: if it is no table, the column `path` is missing, or a path repeats or leads out of the
            folder.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return {}
    try:
        reader = csv.DictReader(io.StringIO(decoded(file.read_bytes()), newline=""), strict=True)
        columns, lines = reader.fieldnames or [], list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: no CSV in UTF-8 or UTF-16: {error}") from None
    if "path" not in columns:
        raise ValueError(f"{file}: needs a column 'path', has {', '.join(columns) or 'none'}")
    rows: dict[str, dict[str, str]] = {}
    for line in lines:
        row = {name: (value or "").strip() for name, value in line.items() if name}
        path = Path(row["path"]).as_posix()
        if path in rows:
            raise ValueError(f"{file}: {path} is listed twice")
        if path.startswith("/") or ".." in Path(path).parts or path == ".":
            raise ValueError(f"{file}: {row['path'] or 'an empty path'} leads out of the folder")
        rows[path] = row
    return rows


def _kind(path: Path, row: dict[str, str], twins: set[str], listed: bool) -> str | None:
    """What a file is used as: its `kind` in the manifest decides; a sound beside a video belongs to that."""
    kind = row.get("kind", "")
    if path.suffix.lower() not in SOUND:
        return "clip" if not kind or kind in CLIP_KINDS else None
    if kind:
        return "voice" if kind in VOICE_KINDS else None
    return None if (listed and not row) or path.with_suffix("").as_posix() in twins else "voice"


def list_sources(folder: Path) -> list[Source]:
    """Every video, every folder of numbered frames and every utterance below `folder`, sorted by key.

    A sound file of the same name beside a video or a folder of frames is its sound. With a manifest, sound
    files count as utterances only if they are listed in it. The column `frame_rate` is that of a folder of
    frames; 25 without it.

    Raises:
        FileNotFoundError: if the folder is not there.
        ValueError: if it holds no video and no sound, or its manifest is unusable.
    """
    contents, rows = folder_contents(folder), read_manifest(folder)
    clips = [*contents.videos, *contents.frame_folders]
    missing = [Path(p) for p in rows if Path(p).suffix.lower() in VIDEO and not (folder / p).is_file()]
    twins = {_bare(path) for path in clips}
    sounds = {_bare(path): path.as_posix() for path in contents.sounds}
    sources: list[Source] = []
    keys: set[str] = set()
    for path in [*sorted([*clips, *contents.sounds]), *missing]:
        row = rows.get(path.as_posix(), {})
        kind = _kind(path, row, twins, bool(rows))
        if kind is None:
            continue
        key = safe_key(path.as_posix())
        if key in keys:
            key = f"{key}_{path.suffix[1:].lower() or 'frames'}"
        if key in keys:
            raise ValueError(
                f"{folder / path}: its name becomes {key}, as that of another file does: rename one"
            )
        keys.add(key)
        sources.append(_source(key, path, kind, row, sounds.get(_bare(path)) if kind == "clip" else None))
    if not sources:
        raise ValueError(f"{folder}: no videos ({' '.join(sorted(VIDEO))}) and no utterances below it")
    return sorted(sources, key=lambda source: source.key)


def unread_files(folder: Path) -> dict[str, str]:
    """Key and reason of every file below `folder` that is of no kind that is read."""
    return {path.as_posix(): reason for path, reason in folder_contents(folder).left_out.items()}


def assumed_rates(folder: Path) -> list[str]:
    """Folders of frames whose rate no manifest says, and which are taken for 25 frames a second."""
    rows = read_manifest(folder)
    framed = (path.as_posix() for path in folder_contents(folder).frame_folders)
    return [path for path in framed if not rows.get(path, {}).get("frame_rate")]


def _bare(path: Path) -> str:
    """A path without the ending of its kind; the name of a folder of frames may hold a dot."""
    return (path.with_suffix("") if path.suffix.lower() in VIDEO | SOUND else path).as_posix()


def _source(key: str, path: Path, kind: str, row: dict[str, str], twin: str | None) -> Source:
    facts = {name: row[name] for name in FACTS if row.get(name)}
    identity = row.get("identity") or row.get("actor") or safe_key(path.name)
    return Source(
        key,
        path.as_posix(),
        kind,
        row.get("corpus") or "folder",
        identity,
        facts,
        row.get("face_box") or None,
        twin,
        _frame_rate(row.get("frame_rate", ""), path),
    )


def _frame_rate(text: str, path: Path) -> float:
    try:
        rate = float(text) if text else float(FPS)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1000:
        raise ValueError(f"{MANIFEST}: frame_rate {text!r} of {path}: expected frames per second, such as 30")
    return rate
