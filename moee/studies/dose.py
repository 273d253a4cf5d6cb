"""`moee study dose`: is more shown when more is asked for? N clip, E expert, A action unit."""

from collections import defaultdict
from itertools import product

import torch
from markupsafe import Markup
from torch import Tensor

from datamodules.batch import ACTION_UNITS, EMOTIONS
from evaluation.pages.lines import Line, line_chart, panels
from evaluation.statistics.intervals import cluster_interval, ratio
from evaluation.studies import DoseResponse, dose_response
from lightning_modules.interfaces import EmotionCue
from moee.studies.bench import Bench, blend_of, copy_with_sound, label_cue, probability, unit_alone
from moee.studies.gate_probe import GateProbe, over_locations
from moee.studies.report import Report, with_interval

DOSES = (0.0, 0.25, 0.5, 0.75, 1.0)
UNIT_FRAMES = 5  # of a clip that shows a single unit, in silence
EMOTION, TRUTH = "emotion asked, seen", "the same, true renderings"
GATE = "emotion asked, gate of its expert"
UNIT, UNIT_TRUTH = "unit asked, seen", "the same unit, true renderings"
INTRO = (
    "Each held-out person was asked for one emotion, and for one action unit alone, in five doses. A good "
    "network shows more when more is asked, evenly, up to the end. The dashed line is what the judge sees on "
    "true renderings of the same doses: no network can be read as better than that."
)
Rows = list[tuple[float, float, str]]  # asked, measured, person


def study(bench: Bench) -> Report:
    """Emotions and single units in doses: what the judges see of them, and how far the gates open."""
    rows: dict[str, Rows] = defaultdict(list)
    by_emotion: dict[str, Rows] = defaultdict(list)
    for index in bench.counted(range(bench.clips), bench.clips):
        emotion = EMOTIONS[index % len(EMOTIONS)]
        _emotions(bench, index, emotion, rows)
        _units(bench, index, rows)
    for index, (asked, measured, person) in enumerate(rows[EMOTION]):
        emotion = EMOTIONS[index // (len(DOSES) * bench.seeds) % len(EMOTIONS)]
        by_emotion[emotion].append((asked, measured, person))
    responses = {name: _response(own) for name, own in rows.items()}
    each = {emotion: _response(own) for emotion, own in by_emotion.items()}
    lines = [f"{'':36}{'slope':22}{'Spearman':22}{'level from':>10}{'people':>8}"]
    lines += [_line(name, answer) for name, answer in responses.items()]
    lines += [_line(f"  {emotion} asked, seen", answer) for emotion, answer in each.items()]
    return Report(
        "Dose and response",
        INTRO,
        lines,
        {"doses": DOSES, "responses": responses, "by_emotion": each},
        [_figure(rows), _panels(by_emotion)],
    )


def _emotions(bench: Bench, index: int, emotion: str, rows: dict[str, Rows]) -> None:
    """One person's answers to one emotion in doses."""
    calm, expert = bench.clip(index), EMOTIONS.index(emotion)
    for dose, seed in product(DOSES, range(bench.seeds)):
        cue = label_cue(blend_of(emotion, dose))
        if bench.has_experts:
            with GateProbe(bench.network) as probe:
                frames = bench.animate(calm, cue, seed, probe)
            gate = over_locations(probe.global_gates)[:, expert].mean()
            rows[GATE].append((dose, float(gate), calm["identity"]))
        else:
            frames = bench.animate(calm, cue, seed)
        rows[EMOTION].append((dose, probability(bench.look(frames), emotion), calm["identity"]))
    for dose in DOSES:
        true = bench.clip(index, blend_of(emotion, dose))
        rows[TRUTH].append((dose, probability(bench.look(true["frames"]), emotion), calm["identity"]))


def _units(bench: Bench, index: int, rows: dict[str, Rows]) -> None:
    """One person's answers to one action unit alone in doses, in silence."""
    place = index % len(ACTION_UNITS)
    calm = bench.clip(index, frames=UNIT_FRAMES)
    silent = copy_with_sound(calm, torch.zeros_like(calm["waveform"]))
    for dose in DOSES:
        asked_A = unit_alone(place, dose)
        for seed in range(bench.seeds):
            frames = bench.animate(silent, EmotionCue(action_units=asked_A[None]), seed, still=True)
            rows[UNIT].append((dose, _unit(bench, frames, place), calm["identity"]))
        true = bench.clip(index, frames=UNIT_FRAMES, units=asked_A)
        rows[UNIT_TRUTH].append((dose, _unit(bench, true["frames"], place), calm["identity"]))


def _unit(bench: Bench, frames: Tensor, place: int) -> float:
    return float(bench.look(frames)["action units"][place])


def _response(rows: Rows) -> DoseResponse:
    asked, measured, people = zip(*rows, strict=True)
    return dose_response(torch.tensor(asked), torch.tensor(measured, dtype=torch.float64), people)


def _line(name: str, response: DoseResponse) -> str:
    level = "-" if response.saturation_point is None else f"{response.saturation_point:.2f}"
    slope = with_interval(response.slope, response.slope_interval)
    rank = with_interval(response.spearman, response.spearman_interval)
    return f"{name:36}{slope:22}{rank:22}{level:>10}{response.people:>8}"


def curve(rows: Rows, name: str, colour: int, dashed: bool = False) -> Line:
    """Mean over rows at each dose, with its interval over people."""
    means, spans = [], []
    for dose in DOSES:
        at_dose = [(measured, person) for asked, measured, person in rows if asked == dose]
        sums_N2 = torch.tensor([[measured, 1.0] for measured, _ in at_dose], dtype=torch.float64)
        means.append(float(ratio(sums_N2.sum(0))))
        spans.append(cluster_interval(sums_N2, [person for _, person in at_dose], ratio))
    return Line(name, DOSES, means, spans, colour, dashed)


def _figure(rows: dict[str, Rows]) -> Markup:
    names = ((EMOTION, "emotion"), (TRUTH, "emotion, true"), (GATE, "gate"), (UNIT, "unit"))
    names = (*names, (UNIT_TRUTH, "unit, true"))
    colours = {EMOTION: 0, TRUTH: 0, GATE: 1, UNIT: 2, UNIT_TRUTH: 2}
    drawn = [
        curve(rows[name], short, colours[name], name in (TRUTH, UNIT_TRUTH))
        for name, short in names
        if name in rows
    ]
    chart = line_chart(drawn, "Measured over asked", "asked intensity", "measured", (0.0, 1.0))
    caption = "Mean over people; bands are 95 % intervals over people, dashed lines true renderings."
    return Markup('<figure class="wide">{}<figcaption>{}</figcaption></figure>').format(chart, caption)


def _panels(by_emotion: dict[str, Rows]) -> Markup:
    charts = {
        emotion: line_chart(
            [curve(rows, emotion, 0)], emotion, "asked", "probability", (0.0, 1.0), (280, 200), named=False
        )
        for emotion, rows in by_emotion.items()
    }
    return panels("By emotion", charts)
