"""What an evaluation is asked to do, and which of its choices go together. Imports nothing heavy."""

from dataclasses import dataclass, fields
from pathlib import Path

from moee.clips.true_source import SYNTHETIC_FRAMES
from moee.generation.settings import STEPS
from moee.judging.protocols import DEFAULT_PROTOCOL

LONGEST_LIMIT = 100  # characters that the names of rows beside the result add
SOURCES = ("generated", "checkpoint", "manifest", "reference", "synthetic")
GOES_WITH = {  # option -> sources that hear it; with others it would be ignored
    "system": ("generated", "manifest"),
    "about": ("reference",),
    "frames": ("synthetic",),
    "frame_rate": ("generated", "manifest", "reference"),
    **dict.fromkeys(("seeds", "steps", "precision", "keep_videos"), ("checkpoint",)),
}
INSTEAD = {
    ("system", "checkpoint"): "a checkpoint tells what made them; --name and --sampled-by say the rest",
    ("about", "manifest"): "the manifest itself has `identity` and `emotion`",
    ("about", "synthetic"): "who and which emotion a synthetic clip shows is known",
    ("keep_videos", "generated"): "the videos are kept already",
    ("keep_videos", "manifest"): "the videos are kept already",
}


@dataclass(frozen=True)
class NetworkSampling:
    """How a network makes the clips of an evaluation.

    Args:
        seeds: how many, from 0 on.
        steps: of the sampler.
        frames: of a synthetic clip.
        precision: as in `load_generator`.
    """

    seeds: int = 1
    steps: int = STEPS
    frames: int = SYNTHETIC_FRAMES
    precision: str = "auto"


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """Which videos are compared with which, by whom, and where the result goes.

    Args:
        generated: a folder of videos to score, or what `moee foreign` leaves.
        checkpoint: instead, a talking head that makes them, by file or name.
        manifest: instead, a JSON or CSV file of videos and true ones.
        reference: the true videos, of the same file stems.
        synthetic: instead, that many held-out synthetic people.
        out: where the result goes, JSON; None leaves it in memory.
        protocol: a name or a YAML file.
        limits: also evaluate real videos and floors, which say what the metrics can see.
        system: the record of what made the videos; None is the one that `moee foreign` left beside them.
        name: of the system in tables; None is the record's, or the folder's or file's.
        sampled_by: who made the videos, for the board.
        evaluated_by: who evaluates, likewise.
        about: a JSON file that tells who and which emotion each clip shows; None is the `about.json` in the
            folder of the true videos, if there is one.
        extractors: `NAME=FILE` of networks, or `NAME` of optional ones.
        lpips: the trunk of LPIPS, torchvision's AlexNet.
        lpips_vgg: the trunk of LPIPS (VGG), torchvision's VGG-16.
        cache: folder of what was measured before; None is `.kept` beside the result.
        device: `cpu`, `cuda`, `cuda:1` or `auto`.
        keep_videos: a folder for the first seed's videos of a network.
        seeds: how many a network samples with; None here and below is as in `NetworkSampling`.
        steps: of its sampler.
        frames: of a synthetic clip.
        precision: of the network.
        frame_rate: of folders of numbered frames, each of which is a clip then; None leaves them out.
    """

    generated: Path | None = None
    checkpoint: str | None = None
    manifest: Path | None = None
    reference: Path | None = None
    synthetic: int | None = None
    out: Path | None = None
    protocol: str = DEFAULT_PROTOCOL
    limits: bool = False
    system: Path | None = None
    name: str | None = None
    sampled_by: str | None = None
    evaluated_by: str | None = None
    about: Path | None = None
    extractors: tuple[str, ...] = ()
    lpips: Path | None = None
    lpips_vgg: Path | None = None
    cache: Path | None = None
    device: str = "auto"
    keep_videos: Path | None = None
    seeds: int | None = None
    steps: int | None = None
    frames: int | None = None
    precision: str | None = None
    frame_rate: float | None = None

    def check(self) -> None:
        """Refuse what could not be done, before any work.

        Raises:
            ValueError: for a choice that does not apply to the videos, a number below one, true videos that
                are missing or double, or a result that is no `.json`.
            OSError: if the result could not be written.
        """
        from moee.files import check_folder, check_no_input, check_writable

        _check_choices(self)
        if self.out is not None:
            if self.out.suffix != ".json":
                raise ValueError(f"--out {self.out}: name a .json file, `moee leaderboard` looks for these")
            check_no_input(self.out, (self.manifest, self.system, self.about))
            check_writable(self.out)
            if self.limits:
                check_writable(self.out.with_name(f"{self.out.stem}{'.' * LONGEST_LIMIT}.json"))
        for folder in (self.cache, self.keep_videos):
            if folder is not None:
                check_folder(folder)

    @property
    def sampling(self) -> NetworkSampling:
        """How a network makes the clips, with the defaults of what was not given."""
        given = {field.name: getattr(self, field.name) for field in fields(NetworkSampling)}
        return NetworkSampling(**{name: value for name, value in given.items() if value is not None})


def _check_choices(request: EvaluationRequest) -> None:
    """Refuse what the chosen videos would not hear."""
    given = [name for name in SOURCES if getattr(request, name) is not None]
    _check_sources(given)
    for name, needed in GOES_WITH.items():
        if getattr(request, name) is not None and not set(needed) & set(given):
            why = next((INSTEAD[name, source] for source in given if (name, source) in INSTEAD), "")
            line = f"{_option(name)} goes with {' or '.join(map(_option, needed))}, here is "
            line += f"{' and '.join(map(_option, given))}: leave it out"
            raise ValueError(line + (f", {why}" if why else ""))
    for name in ("seeds", "steps"):
        value = getattr(request, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name} {value}: at least 1 is needed")


def _check_sources(given: list[str]) -> None:
    makers = [name for name in ("generated", "checkpoint", "manifest") if name in given]
    true = [name for name in ("reference", "synthetic") if name in given]
    if len(makers) != 1:
        one_of = "--generated DIR, --checkpoint C and --manifest FILE"
        raise ValueError(f"what made the videos? give one of {one_of}, here are {len(makers)}")
    if len(true) > 1:
        raise ValueError("--reference and --synthetic are both the true videos: leave one out")
    if "manifest" in given and true:
        raise ValueError(f"--manifest names the true videos itself: leave {_option(true[0])} out")
    if "manifest" not in given and not true:
        raise ValueError("nothing to compare with: give --reference DIR, or --synthetic N")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
