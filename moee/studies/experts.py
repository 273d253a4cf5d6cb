"""`moee study experts`: whose work is an expression? Gates over time, and experts left out one at a time."""

from itertools import product

import torch
from markupsafe import Markup
from torch import Tensor

from datamodules.batch import CLASSES, EMOTIONS, FPS
from evaluation.pages.lines import Line, legend, line_chart, panels
from evaluation.pages.page import render
from evaluation.studies import Cell, ExpertAttribution, KnockOut, expert_attribution, mean_gates
from evaluation.studies.expert_attribution import ALL
from moee.studies.bench import Bench, blend_of, label_cue
from moee.studies.gate_probe import GateProbe, over_locations
from moee.studies.mixture import lines_of, measure_mixture, plain_findings
from moee.studies.report import Report, with_interval

ASKED = "asked emotion"  # probability the judge gives it
INTRO = (
    "Each held-out person was asked for an emotion by its label. The gates tell how much each expert was "
    "listened to; then each expert in turn was taken out of the sum and the clip made again, all else the "
    "same. If experts have their emotions to themselves, the diagonal carries the movement."
)
Gates = dict[str, dict[str, Cell]]
Timelines = dict[str, list[tuple[str, str, Tensor]]]  # kind -> emotion, person, gates (F, E)


def study(bench: Bench) -> Report:
    """Gates and knock-outs of all emotions in turn.

    Raises:
        ValueError: if the network has no mixture of six experts.
    """
    if not bench.has_experts:
        raise ValueError("this network has no mixture of six experts: there is nothing to attribute")
    knock_outs: list[KnockOut] = []
    timelines: Timelines = {"global": [], "local": []}
    design = list(product(range(bench.clips), range(bench.seeds)))
    for index, seed in bench.counted(design, len(design)):
        knock_outs += _clip(bench, index, seed, timelines)
    attribution = expert_attribution(knock_outs)
    bars = measure_mixture(bench)
    gates = {
        kind: mean_gates(
            [gate for _, _, gate in clips], [emotion for emotion, _, _ in clips], [who for _, who, _ in clips]
        )
        for kind, clips in timelines.items()
    }
    return Report(
        "Expert attribution",
        INTRO,
        lines_of(bars) + _lines(attribution, gates),
        {
            **plain_findings(bars),
            "gates": gates,
            "attribution": attribution,
            "timelines": _first_timelines(timelines),
        },
        [_timeline_panels(timelines), *_heat_maps(attribution)],
    )


def _clip(bench: Bench, index: int, seed: int, timelines: Timelines) -> list[KnockOut]:
    """One clip with all experts, its gates going to `timelines`, and without each in turn."""
    emotion = CLASSES[index % len(CLASSES)]
    clip, cue = bench.clip(index, blend_of(emotion)), label_cue(blend_of(emotion))
    with GateProbe(bench.network) as probe:
        whole = _measured(bench, bench.animate(clip, cue, seed, probe), emotion)
    for kind, gates in (("global", probe.global_gates), ("local", probe.local_gates)):
        timelines[kind].append((emotion, clip["identity"], over_locations(gates)))
    knock_outs = []
    for number, expert in enumerate(EMOTIONS):
        with GateProbe(bench.network, without=number) as probe:
            without = _measured(bench, bench.animate(clip, cue, seed, probe), emotion)
        knock_outs.append(KnockOut(clip["identity"], emotion, expert, whole, without))
    return knock_outs


def _measured(bench: Bench, frames: Tensor, emotion: str) -> dict[str, Tensor]:
    measured = bench.look(frames)
    asked = measured["emotions"][CLASSES.index(emotion)]
    return {ASKED: asked[None], "emotions": measured["emotions"], "action units": measured["action units"]}


def _lines(attribution: ExpertAttribution, gates: dict[str, Gates]) -> list[str]:
    lines: list[str] = []
    for kind in gates:
        lines += _table(f"mean {kind} gate", gates[kind])
    lines += _table(
        "probability of the asked emotion lost", attribution.lost[ASKED], attribution.whole[ASKED]
    )
    lines += _table("action units moved (root of summed squares)", attribution.moved["action units"])
    lines += ["share of the own expert, 1/6 if all mattered alike"]
    lines += [f"  {'':14}" + "".join(f"{measure:24}" for measure in attribution.own_share)]
    for row in attribution.own_share[ASKED]:
        cells = [attribution.own_share[measure][row] for measure in attribution.own_share]
        texts = [f"{with_interval(cell.value, cell.interval):24}" for cell in cells]
        lines.append(f"  {row:14}{''.join(texts)}".rstrip())
    return lines


def _table(title: str, table: Gates, whole: dict[str, Cell] | None = None) -> list[str]:
    """Emotion asked by expert; the own expert's number in brackets, at the end the value with all of them."""
    heads = (*EMOTIONS, "with all") if whole else EMOTIONS
    lines = [title, f"  {'asked':10}" + "".join(f"{head:>10}" for head in heads)]
    for emotion, row in table.items():
        cells = [
            f"[{_short(cell)}]" if expert == emotion else f"{_short(cell)} " for expert, cell in row.items()
        ]
        cells += [f"{_short(whole[emotion])} "] if whole else []
        lines.append(f"  {emotion:10}" + "".join(f"{cell:>10}" for cell in cells))
    return [*lines, ""]


def _short(cell: Cell) -> str:
    return "-" if cell.value is None else f"{cell.value:.3f}"


def _first_timelines(timelines: Timelines) -> dict[str, dict[str, list[list[float]]]]:
    """Kind -> emotion -> gates of the first clip of that emotion (F, E), rounded."""
    return {
        kind: {
            emotion: [[round(x, 5) for x in row] for row in gates.tolist()]
            for emotion, gates in first.items()
        }
        for kind, clips in timelines.items()
        for first in [{emotion: gates for emotion, _, gates in reversed(clips)}]
    }


def _timeline_panels(timelines: Timelines) -> Markup:
    parts = [legend(EMOTIONS)]
    for kind, clips in timelines.items():
        first = {emotion: gates for emotion, _, gates in reversed(clips)}
        top = max(float(gates.max()) for gates in first.values())
        charts = {
            f"asked: {emotion}": _panel(emotion, first[emotion], kind, top)
            for emotion in CLASSES
            if emotion in first
        }
        parts.append(panels(f"{kind.capitalize()} gates", charts))
    caption = "The first clip of each emotion; means over the network's places, tokens and sampling steps."
    return Markup("").join([*parts, Markup("<p>{}</p>").format(caption)])


def _panel(emotion: str, gates_FE: Tensor, kind: str, top: float) -> Markup:
    seconds = (torch.arange(len(gates_FE)) / FPS).tolist()
    lines = [Line(expert, seconds, gates_FE[:, e].tolist(), colour=e) for e, expert in enumerate(EMOTIONS)]
    return line_chart(
        lines, f"{kind} gates, {emotion}", "seconds", "gate", (0.0, 1.05 * top), (280, 200), named=False
    )


def _heat_maps(attribution: ExpertAttribution) -> list[Markup]:
    tables = {
        "Probability of the asked emotion lost without an expert": attribution.lost[ASKED],
        "Action units moved without an expert": attribution.moved["action units"],
    }
    return [_heat_map(title, table) for title, table in tables.items()] + [_share(attribution)]


def _heat_map(title: str, table: Gates) -> Markup:
    """Emotions that were asked for by experts that were left out, darker where more hangs on the expert."""
    most = max(abs(cell.value or 0.0) for row in table.values() for cell in row.values()) or 1.0
    rows = {
        emotion: [_heat_cell(cell, expert == emotion, most) for expert, cell in row.items()]
        for emotion, row in table.items()
    }
    heads = [f"without {expert}" for expert in EMOTIONS]
    return render("heat_map.html.j2", {"title": title, "corner": "asked", "heads": heads, "rows": rows})


def _heat_cell(cell: Cell, own: bool, most: float) -> dict[str, object]:
    share = min(1.0, max(0.0, (cell.value or 0.0) / most))
    span = with_interval(cell.value, cell.interval).partition(" ")[2]
    return {"share": f"{share:.3f}", "own": own, "text": _short(cell), "span": span}


def _share(attribution: ExpertAttribution) -> Markup:
    shares = [
        f"{measure}: {with_interval(rows[ALL].value, rows[ALL].interval)}"
        for measure, rows in attribution.own_share.items()
    ]
    words = "Share of the own expert in all movement (1/6 = all alike)"
    return Markup("<p>{}: {}.</p>").format(words, "; ".join(shares))
