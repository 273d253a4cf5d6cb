"""Which files of a folder are clips, by key, and what else lies there."""

from dataclasses import dataclass
from pathlib import Path, PurePath
from unicodedata import normalize

from datamodules.media.folders import VIDEO_ENDINGS, FolderContents, folder_contents, left_out_line

# Files that this suite itself leaves beside clips.
OWN = ("about.json", "manifest.csv", "manifest.json", "system.json", "log.txt")
RATELESS = "a folder of frames does not say its rate: give --frame-rate"


@dataclass(frozen=True)
class ClipFolder:
    """The clips that lie directly in a folder, and what else lies in it or below.

    Args:
        folder: where they lie.
        files: key -> video, or folder of numbered frames.
        rateless: key -> folder of numbered frames that would be a clip if its rate were known.
        left_out: path relative to the folder -> why it is no clip.
    """

    folder: Path
    files: dict[str, Path]
    rateless: dict[str, Path]
    left_out: dict[Path, str]

    @property
    def line(self) -> str | None:
        """What is left out and why, in one line; None where everything is used."""
        line = left_out_line(self.left_out)
        return None if line is None else f"{self.folder}: {line}"


def clip_folder(folder: Path, frame_rate: float | None = None) -> ClipFolder:
    """What a folder holds; hidden files, such as half-written ones, count for nothing.

    Args:
        folder: of the clips; those in folders below it are left out, and named.
        frame_rate: of folders of numbered frames; where it is not known they are no clips.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it is a file, holds a key twice, or a name that no result could be published with.
    """
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(f"{folder} is a file: name the folder it lies in")
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    contents = folder_contents(folder)
    files: dict[str, Path] = {}
    for path in contents.videos:
        if path.parent == Path():
            _add(files, stem(path.name), folder / path)
    rateless, left_out = _frame_folders(folder, contents, files, frame_rate)
    left_out |= _no_clips(contents, files)
    return ClipFolder(folder, files, rateless, dict(sorted(left_out.items())))


def videos_in(folder: Path, frame_rate: float | None = None) -> dict[str, Path]:
    """Key -> clip of a folder, as `clip_folder` finds them and with what it raises."""
    return clip_folder(folder, frame_rate).files


def some_videos(folder: Path, frame_rate: float | None = None) -> ClipFolder:
    """As `clip_folder`.

    Raises:
        ValueError: also if there is no clip; says where there would be one.
    """
    inside = clip_folder(folder, frame_rate)
    if inside.files:
        return inside
    hint, below = (
        "",
        sorted({path.parts[0] for path in folder_contents(folder).videos if len(path.parts) > 1}),
    )
    if inside.rateless:
        hint = f": {next(iter(inside.rateless.values())).name}: {RATELESS}"
    elif below:
        hint = f": name one of its folders that do, such as {below[0]}"
    raise ValueError(f"{folder} holds no videos ({', '.join(VIDEO_ENDINGS)}){hint}")


def _add(files: dict[str, Path], key: str, path: Path) -> None:
    if not path.name.isprintable():
        raise ValueError(
            f"{path.parent} holds {path.name!a}: a name must be printable, rename it on both sides"
        )
    if key in files:
        raise ValueError(f"{path.parent} holds {key!r} twice: {files[key].name}, {path.name}")
    files[key] = path


def _frame_folders(
    folder: Path, contents: FolderContents, files: dict[str, Path], frame_rate: float | None
) -> tuple[dict[str, Path], dict[Path, str]]:
    """Folders of frames go to `files` if their rate is known; those without one, and those left out."""
    rateless: dict[str, Path] = {}
    left_out: dict[Path, str] = {}
    videos = dict(files)
    for path in contents.frame_folders:
        key = normalize("NFC", path.name)
        if path.parent != Path():
            left_out[path] = "in a folder below"
        elif key in videos:
            left_out[path] = "frames of a clip whose video is read"
        elif frame_rate is None:
            rateless[key] = folder / path
            left_out[path] = RATELESS
        else:
            _add(files, key, folder / path)
    return rateless, left_out


def _no_clips(contents: FolderContents, files: dict[str, Path]) -> dict[Path, str]:
    """Path -> reason of all files that are neither a clip nor the sound of one."""
    no_clips = dict(contents.left_out)
    no_clips |= {path: "in a folder below" for path in contents.videos if path.parent != Path()}
    for path in contents.sounds:
        if path.parent != Path() or stem(path.name) not in files:
            no_clips[path] = "sound without a video"
    for path in contents.beside:
        if path.name not in OWN:
            no_clips[path] = "text or a table"
    return no_clips


def stem(name: str) -> str:
    """Name without its ending, composed: an accented letter is one sign, wherever a file was copied from."""
    return normalize("NFC", PurePath(name).stem)
