"""The work of preparing a corpus, cut into units: each reads some files and writes one shard."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from datamodules.batch import FPS
from datamodules.corpora.folder import Source
from datamodules.faces.finder import Finder, open_finder
from datamodules.loading.members import clip_members, describe, voice_members
from datamodules.loading.shards import SampleRecord, ShardRecord, members_digest, sha256_of, write_shard
from datamodules.media.folders import frame_files
from datamodules.media.reading import video_info
from datamodules.preparation.clips import ClipSettings, clips_of, voice_of
from datamodules.preparation.map_shards import Record, Unit

PREPARATION = 2  # raise it when the same input comes out differently: units of older runs are then done again
CLIPS_PER_SHARD = 16
VOICES_PER_SHARD = 64


@dataclass(frozen=True)
class Work:
    """What a unit needs to know; paths are those of this machine and not part of its digest."""

    folder: Path
    kind: str
    sources: tuple[Source, ...]
    settings: ClipSettings
    detector: Path | None


def _expected(source: Source, folder: Path, frames: int) -> int:
    """How many clips a file will give, by its header; 1 for what cannot be read, which is then reported."""
    if source.kind == "voice":
        return 1
    try:
        return max(int(video_info(folder / source.path, source.frame_rate).seconds * FPS) // frames, 1)
    except (ValueError, FileNotFoundError):
        return 1


def _files(path: Path) -> list[Path]:
    """What a source is read from: a file, the frames of a folder, or nothing where it is missing."""
    if path.is_dir():
        return frame_files(path)
    return [path] if path.is_file() else []


def _digest(folder: Path, sources: tuple[Source, ...], settings: ClipSettings) -> str:
    content = []
    for source in sources:
        files = [file for name in (source.path, source.sound) if name for file in _files(folder / name)]
        content.append([asdict(source), [sha256_of(file) for file in files]])
    stated = json.dumps([PREPARATION, asdict(settings), content], sort_keys=True)
    return hashlib.sha256(stated.encode()).hexdigest()


def plan_units(
    sources: list[Source], folder: Path, settings: ClipSettings, detector: Path | None
) -> list[Unit]:
    """Units of neighbouring files, each big enough for one shard; voices and clips apart.

    Args:
        sources: In a fixed order.
        folder: Of the corpus.
        settings: Of the clips.
        detector: The face finder's file, or None to crop by boxes.
    """
    units = []
    for kind, most in (("clip", CLIPS_PER_SHARD), ("voice", VOICES_PER_SHARD)):
        groups: list[list[Source]] = []
        room = 0
        for source in (s for s in sources if s.kind == kind):
            expected = _expected(source, folder, settings.frames)
            if room < expected or not groups:
                groups.append([])
                room = most
            groups[-1].append(source)
            room -= expected
        for number, group in enumerate(map(tuple, groups)):
            work = Work(folder, kind, group, settings, detector)
            units.append(Unit(f"{kind}-{number:05d}", _digest(folder, group, settings), work))
    return units


def prepare_unit(unit: Unit, out: Path) -> Record:
    """Reads the files of a unit and writes its shard `<key>.tar`; what is unusable is named, not raised."""
    work: Work = unit.payload
    rejected: dict[str, str] = {}
    records: list[SampleRecord] = []
    with ExitStack() as stack:
        finder = None
        if work.kind == "clip" and work.detector is not None:
            finder = stack.enter_context(open_finder(work.detector))
        samples = _samples(work, finder, records, rejected)
        name = f"{unit.key}.tar"
        size = write_shard(out / name, samples)
    shard = ShardRecord(name, work.kind, sha256_of(out / name), size, records)
    return {"files": {name: size}, "shard": asdict(shard), "rejected": rejected}


def _samples(
    work: Work, finder: Finder | None, records: list[SampleRecord], rejected: dict[str, str]
) -> Iterator[tuple[str, dict[str, bytes]]]:
    for source in work.sources:
        clips: list[tuple[str, dict[str, bytes]]] = []
        try:
            for key, outcome in _outcomes(work, source, finder):
                if isinstance(outcome, str):
                    rejected[key] = outcome
                else:
                    clips.append((key, outcome))
        except (ValueError, FileNotFoundError) as error:  # the file as a whole: none of its clips is trusted
            rejected[source.key] = _relative(str(error), work.folder)
            continue
        for key, members in clips:
            records.append(_record(key, members))
            yield key, members


def _outcomes(
    work: Work, source: Source, finder: Finder | None
) -> Iterator[tuple[str, dict[str, bytes] | str]]:
    if source.kind == "voice":
        yield source.key, voice_members(*voice_of(source, work.folder))
        return
    for key, outcome in clips_of(source, work.folder, work.settings, finder):
        yield key, outcome if isinstance(outcome, str) else clip_members(outcome.sample, outcome.facts)


def _relative(reason: str, folder: Path) -> str:
    """A reason without this machine's paths: equal input gives an equal index everywhere."""
    return reason.replace(f"{folder}/", "")


def _record(key: str, members: dict[str, bytes]) -> SampleRecord:
    about = describe(members)
    frames, facts = about.get("frames", 0), about["facts"]
    return SampleRecord(
        key=key,
        identity=about["identity"],
        frames=frames,
        seconds=frames / FPS if frames else about["seconds"],
        label=about.get("label", ""),
        digest=members_digest(members),
        license=facts.get("license", ""),
        consent=facts.get("consent", ""),
    )
