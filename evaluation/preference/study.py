"""A blind study: pairs of videos in random order, a page that asks, and answers that are checked.

The page lies in a folder of its own and names no system; which video is whose stands in `key.json` beside
that folder, which stays with whoever runs the study.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, field_validator

from evaluation.pages.page import page, render
from evaluation.pages.videos import read_video_file
from evaluation.preference.ranking import Vote
from evaluation.protocol import digest_of
from evaluation.reading import read_json
from evaluation.runtime.whole_files import write_whole
from evaluation.validation import Recorded, checked

SCHEMA_VERSION = 1
QUESTION = "Which face shows the more natural and believable emotion?"
INTRO = (
    "Two videos at a time, of the same line. Watch both, then choose. There is no right answer, and you can "
    "go back."
)
CHOICES = (("left", "Left", "1"), ("tie", "Cannot say", "2"), ("right", "Right", "3"))  # with their keys
SCORES = {"left": 1.0, "tie": 0.5, "right": 0.0}
PAGE_FOLDER, KEY_FILE = "page", "key.json"


@dataclass(frozen=True)
class Trial:
    """Two videos of one clip.

    Args:
        clip: its name.
        left: the system on the left.
        right: the system on the right.
        left_file: name of its video in the page's folder.
        right_file: likewise.
    """

    clip: str
    left: str
    right: str
    left_file: str
    right_file: str


@dataclass(frozen=True)
class Study:
    """What a page asks, in order.

    Args:
        question: put to the rater.
        trials: the pairs.
    """

    question: str
    trials: tuple[Trial, ...]

    @property
    def digest(self) -> str:
        """sha256 of what is asked; answers carry it, so that those to another study are refused."""
        return digest_of({"question": self.question, "trials": [asdict(trial) for trial in self.trials]})


def plan_trials(clips: Mapping[str, Mapping[str, Path]], most: int, seed: int) -> list[tuple[str, str, str]]:
    """Clip, left and right system of each trial, in random order.

    Args:
        clips: system -> clip -> video.
        most: trials to keep, as evenly as can be from all pairs of systems; 0 keeps all.
        seed: of the order and the sides.

    Raises:
        ValueError: for fewer than two systems, or if no clip is in two of them.
    """
    if len(clips) < 2:
        raise ValueError(f"a study compares at least two folders, got {len(clips)}")
    chance = random.Random(seed)
    by_pair: list[list[tuple[str, str, str]]] = []
    for pair in combinations(sorted(clips), 2):
        shared = sorted(clips[pair[0]].keys() & clips[pair[1]].keys())
        chance.shuffle(shared)
        sides = [chance.sample(pair, 2) for _ in shared]
        by_pair.append([(clip, left, right) for clip, (left, right) in zip(shared, sides, strict=True)])
    longest = max(map(len, by_pair))
    turns = [own[i] for i in range(longest) for own in by_pair if i < len(own)]
    if not turns:
        raise ValueError("no clip is in two of the folders: videos are matched by their file names")
    trials = turns[:most] if most else turns
    chance.shuffle(trials)
    return trials


def build_study(
    clips: Mapping[str, Mapping[str, Path]],
    out: Path,
    question: str = QUESTION,
    title: str = "Which one?",
    most: int = 0,
    seed: int = 0,
) -> Path:
    """Write `page/index.html` with its videos, and `key.json`; the path of the page.

    Raises:
        FileExistsError: if there is a study already, whose answers would lose their meaning.
        ValueError: see `plan_trials` and `read_video_file`.
    """
    out = Path(out)
    if (out / KEY_FILE).exists():
        raise FileExistsError(f"{out} holds a study already: name another folder")
    planned = plan_trials(clips, most, seed)
    videos = out / PAGE_FOLDER / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    trials = []
    for clip, *pair in planned:
        names = []
        for system in pair:
            content = read_video_file(clips[system][clip])
            blind = sha256(f"{seed} {system} {clip}".encode() + content).hexdigest()[:16]
            names.append(f"{blind}{clips[system][clip].suffix.lower()}")
            write_whole(videos / names[-1], content)
        trials.append(Trial(clip, *pair, *names))
    study = Study(question, tuple(trials))
    write_whole(out / PAGE_FOLDER / "index.html", _page(study, title))
    content = {"schema_version": SCHEMA_VERSION, "study": study.digest, **asdict(study), "seed": seed}
    write_whole(out / KEY_FILE, json.dumps(content, indent=1))
    return out / PAGE_FOLDER / "index.html"


def _page(study: Study, title: str) -> str:
    content = {
        "study": study.digest,
        "trials": [[f"videos/{trial.left_file}", f"videos/{trial.right_file}"] for trial in study.trials],
    }
    body = render("preference.html.j2", {"question": study.question, "content": content, "choices": CHOICES})
    return page(title, INTRO, body, script="preference.js", style="preference.css")


class KeyFile(Recorded):
    """The file that tells whose videos a study shows."""

    model_config = ConfigDict(strict=False)  # pairs become a dataclass; texts are never made of anything else

    study: str
    question: str
    trials: list[Trial]


class Answer(Recorded):
    """One choice; the page also tells how long it took."""

    trial: int
    choice: Literal["left", "tie", "right"]


class AnswersFile(Recorded):
    """What a rater saved."""

    schema_version: int
    study: str
    rater: str
    answers: list[Answer]

    @field_validator("rater")
    @classmethod
    def _is_a_name(cls, rater: str) -> str:
        if not re.fullmatch(r"[0-9a-zA-Z_-]{1,64}", rater):
            raise ValueError("a rater is 1 to 64 letters, digits, - or _")
        return rater


def read_study(path: Path) -> Study:
    """The study of a `key.json`, or of the folder that holds one.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is none, or was changed.
    """
    path = Path(path) / KEY_FILE if Path(path).is_dir() else Path(path)
    key = checked(KeyFile, read_json(path), f"{path} is not the key of a study")
    study = Study(key.question, tuple(key.trials))
    if study.digest != key.study:
        raise ValueError(f"{path} was changed after the study was made")
    return study


def read_votes(paths: Sequence[Path], study: Study) -> list[Vote]:
    """The votes of answer files.

    Raises:
        FileNotFoundError: if one is not there.
        ValueError: for a file that is none, answers another study or repeats a trial, or a rater who answered
            twice.
    """
    votes: list[Vote] = []
    answered: dict[str, Path] = {}
    for path in paths:
        rater, own_votes = _read_answers(Path(path), study)
        if rater in answered:
            raise ValueError(f"{path} and {answered[rater]} are by the same rater: keep the later one")
        answered[rater] = path
        votes += own_votes
    return votes


def _read_answers(path: Path, study: Study) -> tuple[str, list[Vote]]:
    file = checked(AnswersFile, read_json(path), f"{path} is no file of answers")
    if file.schema_version != SCHEMA_VERSION:
        raise ValueError(f"{path} has schema {file.schema_version}, this version reads {SCHEMA_VERSION}")
    if file.study != study.digest:
        raise ValueError(f"{path} answers another study")
    votes: dict[int, Vote] = {}
    for answer in file.answers:
        if not 0 <= answer.trial < len(study.trials) or answer.trial in votes:
            raise ValueError(f"{path}: {answer.trial} is no trial of the study, or stands there twice")
        trial = study.trials[answer.trial]
        votes[answer.trial] = Vote(file.rater, trial.left, trial.right, SCORES[answer.choice])
    return file.rater, list(votes.values())
