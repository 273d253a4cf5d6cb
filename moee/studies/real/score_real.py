"""How a talking head does on real people: the table of `moee score --real`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moee.console import Tell, Watch, silent, unwatched
from moee.generation.settings import STEPS

if TYPE_CHECKING:
    from moee.studies.real.people import RealPeople


def score_real(
    portraits: str | Path,
    clips: str | Path,
    checkpoint: str | None = None,
    *,
    steps: int = STEPS,
    seed: int = 0,
    emotion_strength: float | None = None,
    precision: str = "auto",
    device: str = "auto",
    watch: Watch = unwatched,
    tell: Tell = silent,
) -> "RealPeople":
    """Score a talking head on real people: a folder of portraits, and a folder of clips of speaking faces.

    Args:
        portraits: pictures of one face each.
        clips: videos with sound, or with a FLAC file of their name beside them.
        checkpoint: an exported talking head; None is the shipped one.
        steps: of the sampler.
        seed: of noise and head motion.
        emotion_strength: of the experts; None is the network's own.
        precision: as in `moee.animate`.
        device: likewise.
        watch: told how far the work is.
        tell: told each line of the table.

    Raises:
        ValueError: for a number below one, or folders of which nothing can be measured.
        FileNotFoundError: if a folder, or MediaPipe's landmark model, is missing.
    """
    from datamodules.media.folders import PICTURE_ENDINGS, VIDEO_ENDINGS
    from evaluation.extractors.faces.mesh import FaceMesh
    from evaluation.runtime.devices import choose_device
    from moee.generation.generator import FOR_PORTRAITS, load_generator
    from moee.studies.bench import check_least
    from moee.studies.real.people import RealBench, measure_real_people
    from moee.weights.registry import find

    check_least("steps", steps)
    pictures = _files(portraits, PICTURE_ENDINGS, "pictures")
    videos = _files(clips, VIDEO_ENDINGS, "videos")
    generator = load_generator(checkpoint or FOR_PORTRAITS, precision, choose_device(device))
    strength = generator.network.emotion_strength if emotion_strength is None else emotion_strength
    settings = {"steps": steps, "seed": seed, "emotion_strength": strength}
    bench = RealBench(generator, FaceMesh(find("face_landmarker")), settings)
    tell(
        f"{generator.path.name} sha256 {generator.sha256[:12]}, {steps} steps, emotion strength {strength:g}"
    )
    result = measure_real_people(bench, pictures, videos, watch, tell)
    tell(f"{len(result.people)} people and {len(result.clips)} clips, judged by MediaPipe's points")
    for name, value, low, high in result.rows():
        tell(f"{name:36}{value:8.3f}  {low:6.3f} .. {high:6.3f}")
    return result


def _files(folder: str | Path, endings: Sequence[str], what: str) -> list[Path]:
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"--real {folder}: no such folder of {what}")
    files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in endings)
    if not files:
        raise ValueError(f"--real {folder}: no {what} in it; {', '.join(endings)} are read")
    return files
