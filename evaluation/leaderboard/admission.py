"""Which results may enter a leaderboard: whole, unchanged, of a known origin. The others, and why not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.results.result import Result
from evaluation.results.system import ROLES

ORIGINS = ("sampled_by", "command", "revision")  # settings that tell what made the videos
LONGEST_NAME, LONGEST_KEY = 80, 300  # characters of a system's name; of a clip, a person, an emotion
LONGEST_ADDED = 40  # of what a floor adds to the name of its system


@dataclass(frozen=True)
class Refusal:
    """A result that does not enter.

    Args:
        source: name of the file, or of the system where there is none.
        reason: one line.
    """

    source: str
    reason: str


def admit(results: Sequence[Result | Path]) -> tuple[list[Result], list[Refusal]]:
    """The results that may enter, read where they are paths, and the others with the reason."""
    admitted: list[Result] = []
    refused: list[Refusal] = []
    for item in results:
        try:
            result = item if isinstance(item, Result) else Result.read(Path(item))
            if result is item:
                result.verify()
            _check_origin(result)
        except (ValueError, OSError) as error:
            refused.append(_refusal(item, error))
        else:
            admitted.append(result)
    return admitted, refused


def _refusal(item: Result | Path, error: Exception) -> Refusal:
    """Without the folders of this machine, which are nobody's business on a page."""
    reason = " ".join(str(error).split())
    if isinstance(item, Result):
        return Refusal(str(item.system.get("name", "unnamed")), reason)
    path = Path(item)
    plain = reason.replace(str(path), path.name)
    if path.parent.name:  # neither the folder one stands in, a mere full stop, nor the root
        plain = _without_folder(plain, path.parent)
    return Refusal(path.name, plain.removeprefix(f"{path.name}: "))


def _without_folder(text: str, folder: Path) -> str:
    """Files by their names alone; a folder called by one word is not taken out of the words around it."""
    text = re.sub(rf"(?<![\w./-]){re.escape(str(folder))}/", "", text)
    return text.replace(str(folder), "") if len(folder.parts) > 1 else text


def _check_origin(result: Result) -> None:
    """What a row needs to stand in a table; see `missing_origin`."""
    system = result.system
    for row in result.rows:
        for text in (row.key, row.identity, row.label):
            _check_name(text, LONGEST_KEY)
    marks = [extractor["name"] for extractor in result.extractors.values()]
    for text in (result.tag, *result.extractors, *marks):
        _check_name(text, LONGEST_NAME)
    _check_name(system["name"], LONGEST_NAME + (LONGEST_ADDED if system["role"] != "system" else 0))
    if not system["name"].strip() or system["role"] not in ROLES:
        raise ValueError(f"a system needs a name and a role among {', '.join(ROLES)}")
    missing = missing_origin(result)
    if missing:
        raise ValueError(f"no provenance: it does not tell {', '.join(missing)}")


def _check_name(text: str, longest: int) -> None:
    if not text.isprintable() or len(text) > longest:
        raise ValueError(f"{text[:40]!a}: a name must be printable and at most {longest} characters long")


def missing_origin(result: Result) -> list[str]:
    """What a row does not tell of where it comes from; empty where all is told.

    A system needs what made its videos (a checkpoint's sha256, a run's signature, or in its settings who
    sampled them or the command or revision of another code base) and the seeds. Every row needs the time and
    the environment of its evaluation and the sha256 of protocol, data and networks.
    """
    system = result.system
    told_in_settings = any(system["settings"].get(key) for key in ORIGINS)
    origin = system["checkpoint_sha256"] or system["run_signature"] or told_in_settings
    hashes = {"protocol": result.protocol["sha256"], "data": result.data["sha256"]}
    hashes |= {name: extractor["sha256"] for name, extractor in result.extractors.items()}
    parts = {
        "what made the videos (checkpoint_sha256, run_signature or settings.sampled_by)": origin
        or system["role"] != "system",
        "the seeds": system["seeds"],
        "when it was evaluated": result.created,
        "where it was evaluated": result.environment,
        **{f"the sha256 of {name}": re.fullmatch("[0-9a-f]{64}", mark) for name, mark in hashes.items()},
    }
    return [what for what, known in parts.items() if not known]
