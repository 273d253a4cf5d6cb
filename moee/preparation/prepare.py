"""A raw corpus becomes shards, with a report of what was left out and why."""

import importlib
import importlib.util
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from moee.console import Tell, Watch, silent, unwatched
from moee.smoke import lowered

if TYPE_CHECKING:
    from datamodules.corpora.folder import Source
    from datamodules.loading.shards import ShardRecord

SIZE, FRAMES = 128, 50  # of a sample: pixels of a side, frames at 25 per second
AUTO = "auto"  # MediaPipe's face landmarker where `moee weights` keeps it, otherwise the finder that ships

NO_UNITS = (
    "faces are found by the small finder that ships, which measures no action units: "
    "`moee weights fetch face_landmarker` gets MediaPipe's, which does"
)


def corpora() -> list[str]:
    """Names of the modules of `datamodules.corpora` that list sources; none is imported."""
    package = importlib.util.find_spec("datamodules")
    places = package.submodule_search_locations if package else None
    files = sorted(file for place in places or () for file in Path(place, "corpora").glob("*.py"))
    return [file.stem for file in files if "def list_sources(" in file.read_text(encoding="utf-8")]


@dataclass(frozen=True)
class PrepareReport:
    """What a preparation made and what it refused."""

    out: Path
    clips: int
    voices: int
    seconds: float  # of accepted clips and voices
    identities: int
    shards: int
    skipped: int  # units that an earlier run had finished
    rejected: dict[str, str]  # key: reason
    digest: str
    labels_outside: dict[str, int]  # emotions that are none of ours: clips and voices that carry them
    assumed_rates: list[str] = field(default_factory=list)  # folders of frames taken for 25 a second


def prepare(
    corpus: str,
    source: str | Path,
    out: str | Path,
    *,
    detector: str | Path | None = AUTO,
    face_box: str | None = None,
    size: int = SIZE,
    frames: int = FRAMES,
    resume: bool = True,
    workers: int = 1,
    watch: Watch = unwatched,
    advise: Tell = silent,
) -> PrepareReport:
    """Writes the shards of a corpus and their index; what an earlier run finished is kept, the rest is done.

    Args:
        corpus: One of `corpora()`.
        source: Its folder, which is only read.
        out: The folder for the shards; must not be the source.
        detector: MediaPipe's face landmarker, a file; `auto` is the one that `moee weights` keeps, or else
            the finder that ships, which measures no action units. With None faces are cut by boxes.
        face_box: `x y w h` in pixels for every clip, from the hairline to the chin; the manifest's boxes
            come second.
        size: Side of the samples in pixels.
        frames: Of every clip; a shorter remainder is left out.
        resume: False does everything again.
        workers: Processes.
        watch: told units done and units in all.
        advise: told if action units are not measured.

    Raises:
        ValueError, OSError: if something is not there or out of range, nothing to prepare, or no way to place
            a face; if `out` cannot be written.
    """
    source, out = Path(source), Path(out)
    frames = lowered("prepare", {"frames": frames}).get("frames", frames)
    _check_arguments(corpus, source, out, workers)
    detector = find_detector(detector, source, advise)
    from datamodules.loading.shards import INDEX, index_content, shard_record
    from datamodules.preparation.clips import ClipSettings
    from datamodules.preparation.map_shards import finished, map_shards, write_json
    from datamodules.preparation.units import plan_units, prepare_unit

    reader = importlib.import_module(f"datamodules.corpora.{corpus}")
    sources = reader.list_sources(source)
    check_faces_can_be_placed(sources, source, detector, face_box)
    settings = ClipSettings(size, frames, face_box, detector_name(detector))
    units = plan_units(sources, source, settings, detector)
    _make_ready(out, [] if resume else [unit.key for unit in units])
    skipped, done = sum(finished(unit, out) is not None for unit in units), count(1)
    records = map_shards(prepare_unit, units, out, workers, on_done=lambda _: watch(next(done), len(units)))
    shards = [shard_record(record["shard"]) for record in records]
    rejected = {key: reason for record in records for key, reason in record["rejected"].items()}
    rejected |= unread(reader, source)
    content = index_content({"corpus": corpus, **asdict(settings)}, shards, rejected)
    _remove_stale(out, {unit.key for unit in units})
    write_json(out / INDEX, content)
    report = _report(out, shards, skipped, rejected, content["digest"])
    return replace(report, assumed_rates=assumed_rates(reader, source))


def unread(reader: ModuleType, source: Path) -> dict[str, str]:
    """Path -> reason of files that a module of `datamodules.corpora` does not read."""
    return reader.unread_files(source) if hasattr(reader, "unread_files") else {}


def assumed_rates(reader: ModuleType, source: Path) -> list[str]:
    """Folders of frames that are taken for 25 a second; a corpus of known layout has none."""
    return reader.assumed_rates(source) if hasattr(reader, "assumed_rates") else []


def assumed_lines(folders: Sequence[str]) -> list[str]:
    """A line on folders of frames whose rate nobody has said; nothing without any."""
    named = ", ".join(folders[:3]) + (", ..." if len(folders) > 3 else "")
    how = "a column frame_rate of manifest.csv would say otherwise"
    return [f"{len(folders)} folders of frames taken for 25 a second ({how}): {named}"] if folders else []


def _check_arguments(corpus: str, source: Path, out: Path, workers: int) -> None:
    if corpus not in corpora():
        raise ValueError(f"unknown corpus {corpus!r}: known are {', '.join(corpora())}")
    if workers < 1:
        raise ValueError(f"workers={workers}: at least 1 is needed")
    if out.resolve() == source.resolve() or out.resolve() in source.resolve().parents:
        raise ValueError(f"{out}: the shards need a folder apart from the source {source}")
    check_target(out, "index.json")


def check_target(out: Path, listing: str) -> None:
    """Refuse, before any recording is read, a folder that could not be filled.

    Args:
        out: the folder.
        listing: the file in it that is written last.

    Raises:
        OSError: as `check_folder` and `check_writable`.
        ValueError: if this machine cannot write video or sound.
    """
    from datamodules.media.clip_codec import check_encoders
    from moee.files import check_folder, check_writable

    check_folder(out)
    check_writable(out / listing)
    check_encoders(out)


def check_faces_can_be_placed(
    sources: "list[Source]", folder: Path, detector: Path | None, face_box: str | None
) -> None:
    """Refuse recordings whose faces neither a landmarker nor a box places.

    Raises:
        ValueError: says how to get a landmarker.
    """
    from datamodules.faces.crop import HOW_TO_GET

    clips = [s for s in sources if s.kind == "clip"]
    if clips and detector is None and face_box is None and not any(s.face_box for s in clips):
        raise ValueError(f"the faces in {folder} cannot be found without a face landmarker; {HOW_TO_GET}")


def _make_ready(out: Path, again: list[str]) -> None:
    """The folder, without what a killed run left half-written, and without records of what is done again."""
    out.mkdir(parents=True, exist_ok=True)
    for path in [*out.glob(".*.partial"), *(out / f"{key}.json" for key in again)]:
        path.unlink(missing_ok=True)


def detector_name(detector: Path | None) -> str | None:
    """The detector as provenance names it, with the first 12 digits of its sha256.

    Raises:
        FileNotFoundError: if the file is not there; says how to get it.
    """
    if detector is None:
        return None
    from datamodules.faces.crop import HOW_TO_GET
    from datamodules.faces.finder import finder_name
    from datamodules.loading.shards import sha256_of

    if not Path(detector).is_file():
        raise FileNotFoundError(f"{detector}: the face landmarker is not there; {HOW_TO_GET}")
    return f"{finder_name(detector)}@{sha256_of(Path(detector))[:12]}"


def _remove_stale(out: Path, keys: set[str]) -> None:
    """Shards of an earlier plan that no unit of this one stands for."""
    for record in out.glob("*-[0-9][0-9][0-9][0-9][0-9].json"):
        if record.stem not in keys and record.stem.split("-")[0] in ("clip", "voice"):
            record.with_suffix(".tar").unlink(missing_ok=True)
            os.unlink(record)


def _report(
    out: Path, shards: list["ShardRecord"], skipped: int, rejected: dict[str, str], digest: str
) -> PrepareReport:
    from datamodules.loading.notices import labels_outside

    samples = [(shard.kind, sample) for shard in shards for sample in shard.samples]
    kinds = Counter(kind for kind, _ in samples)
    return PrepareReport(
        out=out,
        clips=kinds["clip"],
        voices=kinds["voice"],
        seconds=sum(sample.seconds for _, sample in samples),
        identities=len({sample.identity for _, sample in samples}),
        shards=len(shards),
        skipped=skipped,
        rejected=rejected,
        digest=digest,
        labels_outside=labels_outside(sample for _, sample in samples),
    )


def find_detector(given: str | Path | None, source: Path, advise: Tell = silent) -> Path | None:
    """The face finder's file: what is named, MediaPipe's among the known weights, or ours that ships.

    Args:
        given: its file, `auto`, or None for boxes alone.
        source: folder of the recordings.
        advise: told if action units are not measured.

    Raises:
        FileNotFoundError: if there is no source.
    """
    from datamodules.faces.finder import OWN, finder_name
    from moee.weights.face_finder import finder_file

    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder")
    if given is None or given != AUTO:
        return None if given is None else Path(given)
    if finder_name(chosen := finder_file()) == OWN:
        advise(NO_UNITS)
    return chosen


def report_lines(report: PrepareReport, most: int = 20) -> list[str]:
    """The report as lines of text: totals first, then what was rejected, by key with the reason.

    Args:
        report: Of `prepare`.
        most: Rejections listed one by one; the others are counted by reason, and all are in `index.json`.
    """
    from datamodules.loading.notices import about_labels

    lines = [
        f"{report.clips} clips and {report.voices} voices of {report.identities} people, "
        f"{report.seconds:.0f} s; {report.shards} shards ({report.skipped} kept) in {report.out}",
        f"data digest {report.digest[:16]}",
        *about_labels(report.labels_outside),
        *assumed_lines(report.assumed_rates),
    ]
    if report.rejected:
        lines.append(f"{len(report.rejected)} rejected:")
        listed = sorted(report.rejected.items())
        lines += [f"  {key}: {reason}" for key, reason in listed[:most]]
        rest = Counter(reason.split(":")[0] for _, reason in listed[most:])
        lines += [f"  {count} more: {reason}" for reason, count in rest.most_common()]
        if rest:
            lines.append(f"  all are listed in {report.out / 'index.json'}")
    return lines
