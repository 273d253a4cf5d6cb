"""A blind study of pairs of videos, and the ranking of its answers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.preference.ranking import Standing


@dataclass(frozen=True)
class PreferenceStudy:
    """A study that was written: the page, whose folder raters get, and the key, which they do not get."""

    page: Path
    key: Path
    notes: Sequence[str] = ()  # on files left out


@dataclass(frozen=True)
class PreferenceRanking:
    """What raters preferred.

    Args:
        study_digest: sha256 of the study.
        choices: how many were made.
        raters: how many made them.
        standings: of the systems, the best first.
    """

    study_digest: str
    choices: int
    raters: int
    standings: "Sequence[Standing]"

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        counts = {"study": self.study_digest, "choices": self.choices, "raters": self.raters}
        return counts | {"ranking": [asdict(standing) for standing in self.standings]}


def build_preference(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    question: str | None = None,
    title: str = "Which one?",
    trials: int = 0,
    seed: int = 0,
    frame_rate: float | None = None,
) -> PreferenceStudy:
    """Write the page of a study, which works from disk and keeps its answers to itself.

    Args:
        folders: videos of one system each, matched by name.
        out: a folder for the study.
        question: what raters are asked; None is the usual one.
        title: of the page.
        trials: pairs to ask for; 0 is all.
        seed: of order and sides.
        frame_rate: of clips that are folders of numbered pictures, which become videos; None leaves them out.

    Raises:
        ValueError: for a negative number of trials, two folders of one name, or videos that do not match.
        OSError: if a folder is missing or cannot be written to.
    """
    from evaluation.clips.files import some_videos
    from evaluation.preference.study import QUESTION, build_study
    from moee.files import check_folder

    check_folder(Path(out))
    if trials < 0:
        raise ValueError(f"--trials must be at least 1, or 0 for all, got {trials}")
    named = named_folders([Path(folder) for folder in folders])
    inside = {system: some_videos(folder, frame_rate) for system, folder in named.items()}
    with TemporaryDirectory() as place:
        clips = {
            system: {
                key: _playable(path, Path(place) / system, frame_rate) for key, path in own.files.items()
            }
            for system, own in inside.items()
        }
        page = build_study(clips, Path(out), question or QUESTION, title, trials, seed)
    notes = [own.line for own in inside.values() if own.line is not None]
    return PreferenceStudy(page, page.parent.parent / "key.json", notes)


def _playable(path: Path, place: Path, frame_rate: float | None) -> Path:
    """The video itself; of a folder of frames a video of them with its sound, written to `place`."""
    from moee.clips.reading import ClipReader
    from moee.generation.video_writer import even_sides, write_video

    if not path.is_dir():
        return path
    clip = ClipReader(frame_rate)(path)
    place.mkdir(exist_ok=True)
    return write_video(place / f"{path.name}.mp4", even_sides(clip.frames), clip.waveform)


def named_folders(folders: Sequence[Path]) -> dict[str, Path]:
    """Folder's name -> folder.

    Raises:
        ValueError: if two folders have the same name.
    """
    named: dict[str, Path] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in named:
            raise ValueError(f"{named[name]} and {folder} are both called {name!r}: rename one")
        named[name] = folder
    return named


def rank_preference(
    answers: Sequence[str | Path], study: str | Path, *, resamples: int = 2000, seed: int = 0
) -> PreferenceRanking:
    """Bradley-Terry strengths of the systems, with intervals over raters.

    Args:
        answers: files that raters saved.
        study: the folder that `build_preference` made.
        resamples: of raters.
        seed: of the resampling.

    Raises:
        ValueError: for fewer resamples than one, or a file that is not of this study.
        OSError: if a file is missing.
    """
    from evaluation.preference.ranking import rank
    from evaluation.preference.study import read_study, read_votes

    if resamples < 1:
        raise ValueError(f"--resamples must be at least 1, got {resamples}")
    asked = read_study(Path(study))
    votes = read_votes([Path(path) for path in answers], asked)
    standings = rank(votes, resamples, seed)
    return PreferenceRanking(asked.digest, len(votes), len(answers), standings)
