"""`moee study drift`: does a long video slowly go wrong? F frame."""

from collections import defaultdict
from collections.abc import Mapping

import torch
from markupsafe import Markup
from torch import Tensor

from datamodules.batch import CLASSES, FPS, Sample
from datamodules.head_motion import lip_opening
from evaluation.metrics.pictures.texture import grey, high_pass
from evaluation.pages.lines import Line, line_chart
from evaluation.studies import Drift, drift
from moee.clips.truth import truth_of
from moee.studies.bench import Bench, blend_of, label_cue
from moee.studies.report import Report, with_interval

DIGITS = 4
LEAST_SECONDS = 2
MEASURES = {  # -> unit of a value
    "identity to the portrait": "cosine",
    "asked emotion": "probability",
    "lip opening error": "inter-ocular distances",
    "sharpness": "of the first picture's",
    "brightness": "grey levels",
}
INTRO = (
    "Each person speaks in one go. A curve that leaves its own beginning is drift; the dashed line is what "
    "the same measure does over true renderings of the same words, whose faces do not drift."
)
Tracks = dict[str, list[Tensor]]


def study(bench: Bench) -> Report:
    """Long clips, frame by frame, beside true renderings of the same length."""
    generated: Tracks = defaultdict(list)
    true: Tracks = defaultdict(list)
    people = []
    for index in bench.counted(range(bench.clips), bench.clips):
        emotion = CLASSES[index % len(CLASSES)]
        clip = bench.clip(index, blend_of(emotion))
        of_truth = _tracks(bench, clip, clip["frames"], emotion)
        for seed in range(bench.seeds):
            frames = bench.animate(clip, label_cue(blend_of(emotion)), seed)
            of_video = _tracks(bench, clip, frames, emotion)
            people.append(clip["identity"])
            for name in MEASURES:
                generated[name].append(of_video[name])
                true[name].append(of_truth[name])
    curves = {name: (drift(generated[name], people), drift(true[name], people)) for name in MEASURES}
    return report(curves, INTRO)


def report(curves: Mapping[str, tuple[Drift, Drift | None]], intro: str) -> Report:
    """Table and pictures of each measure, made and true; None where the truth is what it is measured from."""
    heads = ("slope a second", "of the truth", "first second", "last second")
    lines = [f"{'':26}" + "".join(f"{head:28}" for head in heads[:2]) + f"{heads[2]:>14}{heads[3]:>14}"]
    lines += [_line(name, *pair) for name, pair in curves.items()]
    return Report(
        "Drift",
        intro,
        lines,
        {name: {"made": pair[0], "true": pair[1]} for name, pair in curves.items()},
        [_figure(name, *pair) for name, pair in curves.items()],
    )


def _tracks(bench: Bench, clip: Sample, frames: Tensor, emotion: str) -> dict[str, Tensor]:
    """Each measure of each frame (F,)."""
    measured = bench.judge.measure(frames)
    both = torch.cat([clip["reference"][None], frames])
    faces = bench.identity.measure(both)["identity"]
    sharp_F = high_pass(grey(both)).square().mean((1, 2)).sqrt()
    true_opening_F = lip_opening(truth_of(clip, "landmarks").float())
    return {
        "identity to the portrait": faces[1:] @ faces[0],
        "asked emotion": measured["emotion"][:, CLASSES.index(emotion)],
        "lip opening error": (measured["lip_opening"] - true_opening_F[: len(frames)]).abs(),
        "sharpness": sharp_F[1:] / sharp_F[0],
        "brightness": grey(frames).mean((1, 2)),
    }


def _line(name: str, generated: Drift, true: Drift | None) -> str:
    slopes = [
        "0, by definition" if each is None else with_interval(each.slope, each.slope_interval, DIGITS)
        for each in (generated, true)
    ]
    ends = ["-" if value is None else f"{value:.3f}" for value in (generated.mean[0], generated.mean[-1])]
    return f"{name:26}" + "".join(f"{text:28}" for text in slopes) + "".join(f"{end:>14}" for end in ends)


def _figure(name: str, generated: Drift, true: Drift | None) -> Markup:
    lines = [Line("made", generated.seconds, generated.mean, generated.intervals, 0)]
    if true is not None:
        lines.append(Line("true", true.seconds, true.mean, (), 6, dashed=True))
    chart = line_chart(lines, f"{name} over time", "seconds", MEASURES[name], size=(560, 240))
    return Markup('<figure class="wide"><h3>{}</h3>{}</figure>').format(name, chart)


def frames_of(seconds: float) -> int:
    """Whole frames of so many seconds.

    Raises:
        ValueError: for less than two seconds, in which nothing can drift, or more than an hour.
    """
    if not LEAST_SECONDS <= seconds <= 3600:
        raise ValueError(f"--seconds {seconds:g}: from {LEAST_SECONDS}, to see a drift, to 3600 are allowed")
    return round(seconds * FPS)
