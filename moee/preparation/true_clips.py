"""True clips to judge by, as video files with sound: own recordings cut to the face, or synthetic people.

Beside them lies `about.json`, who and which emotion each clip shows, where `moee evaluate` and `moee foreign`
find it.
"""

import importlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.clips.true_source import BESIDE, SYNTHETIC_FRAMES, SYNTHETIC_SIZE
from moee.console import Tell, Watch, silent, unwatched
from moee.preparation.prepare import (
    AUTO,
    FRAMES,
    assumed_lines,
    assumed_rates,
    check_faces_can_be_placed,
    check_target,
    corpora,
    detector_name,
    find_detector,
    unread,
)
from moee.smoke import lowered

if TYPE_CHECKING:
    from datamodules.corpora.folder import Source
    from datamodules.faces.finder import Finder
    from datamodules.preparation.clips import PreparedClip
    from datamodules.preparation.map_shards import Record, Unit

SIZE = 256  # of a cut clip: pixels of a side; protocols bring it to theirs
FINISHED = ".cut"  # folder of records of what is finished


@dataclass(frozen=True)
class TrueClips:
    """Clips that were written.

    Args:
        out: the folder.
        about: its `about.json`.
        clips: how many there are.
        identities: how many people they show.
        rejected: key -> why there is no clip of it.
        assumed_rates: folders of frames taken for 25 a second.
        other_labels: emotion that is none of ours -> how many clips; they have no emotion in `about.json`.
    """

    out: Path
    about: Path
    clips: int
    identities: int
    rejected: Mapping[str, str] = field(default_factory=dict)
    other_labels: Mapping[str, int] = field(default_factory=dict)
    assumed_rates: Sequence[str] = ()


def cut_clips(
    source: str | Path,
    out: str | Path,
    *,
    corpus: str = "folder",
    detector: str | Path | None = AUTO,
    face_box: str | None = None,
    size: int = SIZE,
    frames: int = FRAMES,
    workers: int = 1,
    watch: Watch = unwatched,
    advise: Tell = silent,
) -> TrueClips:
    """Cuts recordings into square clips of the face, with their sound; what is finished is kept.

    Faces are found, framed and refused as by `moee prepare`, so that networks and judges see what they know.

    Args:
        source: folder of the recordings, only read.
        out: folder for the clips, apart from it.
        corpus: how the source is laid out, one of `corpora()`.
        detector: MediaPipe's face landmarker, a file; `auto` is the one that `moee weights` keeps, or else
            the finder that ships. With None faces are cut by boxes.
        face_box: `x y w h` in pixels for every recording, from the hairline to the chin.
        size: of the clips, pixels of a side.
        frames: of each clip, at 25 per second; a shorter remainder is left out.
        workers: processes.
        watch: told units done and units in all.
        advise: told if boxes must do.

    Raises:
        ValueError, OSError: if something is not there or out of range, nothing to cut, or no way to place a
            face; if `out` cannot be written.
    """
    from datamodules.preparation.clips import ClipSettings
    from datamodules.preparation.map_shards import map_shards
    from datamodules.preparation.units import plan_units

    source, out = Path(source), Path(out)
    frames = lowered("clips", {"synthetic": None, "frames": frames}).get("frames", frames)
    _check_request(source, out, corpus)
    detector = find_detector(detector, source)
    reader = importlib.import_module(f"datamodules.corpora.{corpus}")
    listed = reader.list_sources(source)
    sources = [recording for recording in listed if recording.kind == "clip"]
    check_faces_can_be_placed(sources, source, detector, face_box)
    settings = ClipSettings(size, frames, face_box, detector_name(detector))
    units = plan_units(sources, source, settings, detector)
    if not units:
        raise ValueError(f"{source}: no videos to cut, only sound")
    (records_folder := out / FINISHED).mkdir(parents=True, exist_ok=True)
    _remove_stale(records_folder, {unit.key: unit.digest for unit in units})
    done = count(1)
    records = map_shards(
        cut_unit, units, records_folder, workers, on_done=lambda _: watch(next(done), len(units))
    )
    clips, left_out = _written(out, records), unread(reader, source)
    return replace(
        clips, rejected={**clips.rejected, **left_out}, assumed_rates=assumed_rates(reader, source)
    )


def _check_request(source: Path, out: Path, corpus: str) -> None:
    if corpus not in corpora():
        raise ValueError(f"unknown corpus {corpus!r}: known are {', '.join(corpora())}")
    if source.resolve() in (out.resolve(), *out.resolve().parents):
        raise ValueError(f"{out}: the clips need a folder that is not in that of the recordings, {source}")
    check_target(out, BESIDE)


def cut_unit(unit: "Unit", records_folder: Path) -> "Record":
    """Cuts the recordings of a unit into `<key>.mp4`; what is unusable is named, not raised."""
    from datamodules.faces.finder import open_finder

    work = unit.payload
    record: dict[str, Any] = {"files": {}, "about": {}, "labels": {}, "rejected": {}}
    finder = None if work.detector is None else open_finder(work.detector)
    try:
        for source in work.sources:
            try:
                _cut_recording(source, work.folder, work.settings, finder, records_folder, record)
            except (ValueError, FileNotFoundError) as error:  # the recording as a whole
                record["rejected"][source.key] = str(error).replace(f"{work.folder}/", "")
    finally:
        if finder is not None:
            finder.close()
    return record


def _cut_recording(
    source: "Source",
    folder: Path,
    settings: Any,
    finder: "Finder | None",
    records_folder: Path,
    record: dict[str, Any],
) -> None:
    """Writes the clips of one recording, one at a time; none of them stays if it ends in an error."""
    from datamodules.preparation.clips import clips_of

    written: dict[str, PreparedClip] = {}
    try:
        for key, outcome in clips_of(source, folder, settings, finder):
            if isinstance(outcome, str):
                record["rejected"][key] = outcome
                continue
            _write(records_folder.parent / f"{key}.mp4", outcome.sample, outcome.facts)
            record["files"][f"../{key}.mp4"] = (records_folder.parent / f"{key}.mp4").stat().st_size
            written[key] = outcome
            label = outcome.sample.get("label", "")
            emotion = {"emotion": label} if "blend" in outcome.sample else {}
            record["about"][key] = {"identity": outcome.sample["identity"], **emotion}
            record["labels"][key] = "" if emotion else label
    except (ValueError, FileNotFoundError):
        for key in written:
            (records_folder.parent / f"{key}.mp4").unlink(missing_ok=True)
            for part in (record["about"], record["labels"]):
                part.pop(key, None)
            record["files"].pop(f"../{key}.mp4", None)
        raise


def _write(path: Path, sample: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    from moee.generation.video_writer import write_video

    write_video(path, sample["frames"], sample["waveform"], {"title": path.stem, **facts})


def render_clips(
    people: int,
    out: str | Path,
    *,
    frames: int = SYNTHETIC_FRAMES,
    size: int = SYNTHETIC_SIZE,
    watch: Watch = unwatched,
) -> TrueClips:
    """Writes the synthetic people of `moee evaluate --synthetic`, whom no shipped network was trained on.

    As files they are compressed, so `--reference` on them is close to `--synthetic`, not equal.

    Args:
        people: how many, each in one clip, all emotions and compounds in turn.
        out: folder for the clips.
        frames: of each clip, at 25 per second.
        size: of the clips, pixels of a side.
        watch: told clips done and clips in all.

    Raises:
        ValueError: for fewer than two people or five frames.
        OSError: if `out` cannot be written.
    """
    from datamodules.batch import blend_label
    from moee.clips.sources import INTENSITY, synthetic_clips
    from moee.installed import suite_version

    out = Path(out)
    check_target(out, BESIDE)
    small = lowered("clips", {"synthetic": people, "frames": frames})
    people, frames = small.get("synthetic", people), small.get("frames", frames)
    clips = synthetic_clips(people, frames, size)
    out.mkdir(parents=True, exist_ok=True)
    tool = {"title": "Rendered talking head", "tool": f"moee-suite {suite_version()}"}
    about = {}
    for index, key in enumerate(clips.keys):
        clip = clips.load(index)
        _write(out / f"{key}.mp4", clip, tool)
        label = blend_label(clip["blend"])
        emotion = label if label == "neutral" else f"{label}:{INTENSITY}"
        about[key] = {"identity": clips.identities[index], "emotion": emotion}
        watch(index + 1, people)
    return _written(out, [{"about": about}])


def _written(out: Path, records: "Iterable[Record]") -> TrueClips:
    """Writes `about.json`, and counts."""
    from moee.files import write_text

    about: dict[str, dict[str, str]] = {}
    rejected: dict[str, str] = {}
    labels = Counter[str]()
    for record in records:
        about |= record["about"]
        rejected |= record.get("rejected", {})
        labels.update(label for label in record.get("labels", {}).values() if label)
    text = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(out / BESIDE, text + "\n")
    people = {entry["identity"] for entry in about.values()}
    return TrueClips(out, out / BESIDE, len(about), len(people), rejected, labels)


def _remove_stale(records_folder: Path, planned: Mapping[str, str]) -> None:
    """Clips of an earlier call that this one would cut otherwise, or not at all."""
    for path in records_folder.glob("*.json"):
        try:
            record = json.loads(path.read_text("utf-8"))
            current = planned.get(record["key"]) == record["unit"]
            names = [] if current else list(record["files"])
        except (ValueError, KeyError, TypeError):
            current, names = False, []
        for name in names:
            (records_folder.parent / Path(name).name).unlink(missing_ok=True)
        if not current:
            path.unlink()


def clips_lines(cut: TrueClips, most: int = 20) -> list[str]:
    """What was written and what was not, as lines of text."""
    lines = [
        f"{cut.clips} clips of {cut.identities} people in {cut.out}, who and which emotion in {cut.about}"
    ]
    for label, clips in sorted(cut.other_labels.items()):
        lines.append(f"{label!r} of {clips} clips is none of our emotions: {BESIDE} gives them none")
    lines += assumed_lines(cut.assumed_rates)
    listed = sorted(cut.rejected.items())
    lines += [f"{len(listed)} rejected:"] if listed else []
    lines += [f"  {key}: {reason}" for key, reason in listed[:most]]
    lines += [f"  and {len(listed) - most} more"] if len(listed) > most else []
    return lines
