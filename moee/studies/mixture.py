"""Does the mixture do the work? Bars that `moee study experts` holds a network to, beside its knock-outs.

F frame, E expert, T token, D width, A action unit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from datamodules.action_units import UPPER_UNITS, prototype_matrix
from datamodules.batch import ACTION_UNITS, CLASSES, EMOTIONS
from evaluation.studies import Cell, mean_cell
from lightning_modules.interfaces import EmotionCue, EmotionFeatures
from moee.studies.bench import INTENSITY, Bench, blend_of, label_cue
from moee.studies.gate_probe import GateProbe
from moee.studies.report import with_interval

OPEN = 0.25  # a global gate from which on its expert counts as mixed in
BARS: dict[str, tuple[str, float]] = {  # what a network that ships has to reach
    "palette_obedience": ("at least", 0.60),
    "latent_persistence": ("at most", 0.25),
    "gate_mixing": ("at least", 0.80),
    "local_gate_share": ("at least", 0.10),
    "regional_compounds": ("at least", 0.60),
    "table_zeroed_accuracy": ("at most half of", 0.0),  # of `label_accuracy`
}
MEANING = {
    "palette_obedience": "latent of one emotion, palette of another: the palette's is seen",
    "latent_persistence": "... the latent's is seen",
    "gate_mixing": "locations where a pair at 50:50 opens two experts by 0.25 or more",
    "local_gate_share": "movement that is another with all local gates at one, of the emotion's own",
    "spatial_share": "the experts' answer that is not the same for all tokens",
    "table_share": "variance between cues that comes out of the look-up table",
    "label_accuracy": "the emotion of a label is seen",
    "table_zeroed_accuracy": "... with the table set to zero",
    "regional_compounds": "one emotion above, another below: both parts seen",
}


@dataclass(frozen=True)
class MixtureFindings:
    """Each number of `MEANING` with its interval over people; None where the network has no such thing.

    `gate_entropy` is the mean entropy of the global gates on pairs at 50:50 by location, in nats.
    """

    palette_obedience: Cell
    latent_persistence: Cell
    gate_mixing: Cell
    local_gate_share: Cell
    spatial_share: Cell
    table_share: Cell
    label_accuracy: Cell
    table_zeroed_accuracy: Cell
    regional_compounds: Cell | None
    gate_entropy: dict[str, Cell]

    def cell(self, name: str) -> Cell | None:
        """The number of that name."""
        return getattr(self, name)


@dataclass
class _Collected:
    """Name -> what each clip gave, and whose clip it was."""

    values: dict[str, list[float]] = field(default_factory=dict)
    people: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, person: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)
        self.people.setdefault(name, []).append(person)

    def cell(self, name: str) -> Cell:
        return mean_cell(self.values[name], self.people[name])


def measure_mixture(bench: Bench) -> MixtureFindings:
    """All bars, over the bench's people; each shows a part of all pairs, so that together they show all."""
    collected, entropy = _Collected(), _Collected()
    has_regions = bench.knows_regions
    for index in bench.counted(range(bench.clips), bench.clips):
        for seed in range(bench.seeds):
            _palettes(bench, index, seed, collected)
            _pairs(bench, index, seed, collected, entropy)
            _emotion(bench, index, seed, collected)
            if has_regions:
                _regions(bench, index, seed, collected)
    names = [name for name in MEANING if name in collected.values]
    cells: dict[str, Any] = {name: collected.cell(name) for name in names}
    cells.setdefault("regional_compounds", None)
    table_share = Cell(table_part(bench.network), None, len(CLASSES) + len(EMOTIONS))
    by_location = {name: entropy.cell(name) for name in entropy.values}
    return MixtureFindings(**cells, table_share=table_share, gate_entropy=by_location)


def _seen(bench: Bench, frames: Tensor) -> str:
    return CLASSES[int(bench.look(frames)["emotions"].argmax())]


def _palettes(bench: Bench, index: int, seed: int, collected: _Collected) -> None:
    """Each emotion's latent with the palette of another one, the distance between them set by the person."""
    away = 1 + index % (len(EMOTIONS) - 1)
    clip = bench.clip(index)
    for number, latent in enumerate(EMOTIONS):
        palette = EMOTIONS[(number + away) % len(EMOTIONS)]
        cue = EmotionCue(label=blend_of(latent)[None], palette=blend_of(palette, 1.0)[None])
        seen = _seen(bench, bench.animate(clip, cue, seed))
        collected.add("palette_obedience", clip["identity"], float(seen == palette))
        collected.add("latent_persistence", clip["identity"], float(seen == latent))


def _pairs(bench: Bench, index: int, seed: int, collected: _Collected, entropy: _Collected) -> None:
    """Five of the fifteen pairs at 50:50, and how far their gates are open at each location."""
    clip = bench.clip(index)
    for first, second in list(combinations(EMOTIONS, 2))[index % 3 :: 3]:
        blend = (blend_of(first) + blend_of(second)) / 2
        with GateProbe(bench.network) as probe:
            bench.animate(clip, label_cue(blend), seed, probe)
        gates = {name: gate_FE.mean(0) for name, gate_FE in probe.global_gates.items()}
        mixed = [float((gate_E >= OPEN).sum() >= 2) for gate_E in gates.values()]
        collected.add("gate_mixing", clip["identity"], sum(mixed) / len(mixed))
        for name, gate_E in gates.items():
            entropy.add(name, clip["identity"], float(-(gate_E * gate_E.clamp(min=1e-8).log()).sum()))


def _emotion(bench: Bench, index: int, seed: int, collected: _Collected) -> None:
    """One emotion with all there is, without local gates, and with an empty table."""
    emotion, calm = CLASSES[index % len(CLASSES)], bench.clip(index)
    who, cue = calm["identity"], label_cue(blend_of(emotion))
    with GateProbe(bench.network) as probe:
        whole = bench.animate(calm, cue, seed, probe)
    collected.add("label_accuracy", who, float(_seen(bench, whole) == emotion))
    with empty_table(bench.network):
        emptied = _seen(bench, bench.animate(calm, cue, seed))
    collected.add("table_zeroed_accuracy", who, float(emptied == emotion))
    if emotion not in EMOTIONS:
        return
    collected.add("spatial_share", who, probe.spatial_share)
    with open_local_gates(bench.network):
        opened = bench.animate(calm, cue, seed)
    neutral = bench.animate(calm, label_cue(blend_of("neutral")), seed)
    collected.add("local_gate_share", who, movement(whole, opened) / max(movement(whole, neutral), 1e-6))


def _regions(bench: Bench, index: int, seed: int, collected: _Collected) -> None:
    """One emotion in the upper face and another in the lower, for two pairs of each person."""
    clip = bench.clip(index)
    pairs = [(a, b) for a in ("sad", "angry", "surprise") for b in EMOTIONS if a != b]
    for upper, lower in (pairs[(2 * index + k) % len(pairs)] for k in range(2)):
        regions = torch.stack([blend_of(upper), blend_of(lower)])
        measured = bench.look(bench.animate(clip, EmotionCue(label=regions[None]), seed))
        seen = regions_seen(measured["action units"])
        collected.add("regional_compounds", clip["identity"], float(seen == (upper, lower)))


def regions_seen(units_A: Tensor) -> tuple[str, str]:
    """Which emotion's prototype the upper face is nearest to, and which one's the lower face.

    Nearest by the cosine over the units of that half; an emotion without a unit in a half is not looked for.
    """
    upper_A = torch.tensor([unit in UPPER_UNITS for unit in ACTION_UNITS])
    names = []
    for half in (upper_A, ~upper_A):
        prototypes_EH = prototype_matrix()[:, half]
        near_E = torch.cosine_similarity(prototypes_EH, units_A[half][None].float())
        near_E[prototypes_EH.sum(1) == 0] = -1
        names.append(EMOTIONS[int(near_E.argmax())])
    return names[0], names[1]


def movement(first: Tensor, second: Tensor) -> float:
    """Root of the mean squared difference of two videos, grey levels."""
    return float((first.float() - second.float()).square().mean().sqrt())


@contextmanager
def open_local_gates(network: Any) -> Iterator[None]:
    """All local gates at one."""
    was, network.mixture.local_gate = network.mixture.local_gate, "none"
    try:
        yield
    finally:
        network.mixture.local_gate = was


@contextmanager
def empty_table(network: Any) -> Iterator[None]:
    """The look-up table at zero."""
    table = network.latent_generator.table
    was = table.detach().clone()
    try:
        with torch.no_grad():
            table.zero_()
        yield
    finally:
        with torch.no_grad():
            table.copy_(was)


@torch.no_grad()
def table_part(network: Any) -> float:
    """Share of the variance between the latents of all labels and unit prototypes that is the table's."""
    whole = _variance(_latents(network))
    with empty_table(network):
        past_table = _variance(_latents(network))
    return 1 - past_table / max(whole, 1e-12)


def _latents(network: Any) -> Tensor:
    """Latents (N, L * D) of the seven classes as labels and of the six prototypes as action units."""
    cues: dict[str, Tensor] = {"label": torch.stack([blend_of(name) for name in CLASSES])}
    if "action_units" in network.emotion_encoders:
        cues["action_units"] = INTENSITY * prototype_matrix()
    latents = []
    for modality, cue in cues.items():
        tokens = network.emotion_encoders[modality](cue[:, None].to(network.device))
        present = torch.ones(len(cue), dtype=torch.bool, device=network.device)
        features = EmotionFeatures({modality: tokens}, {modality: present})
        latents.append(network.latent_generator(features, len(cue)).flatten(1))
    return torch.cat(latents)


def _variance(latent_ND: Tensor) -> float:
    return float(latent_ND.double().var(0).sum())


def lines_of(findings: MixtureFindings) -> list[str]:
    """The table as the terminal prints it: what it means, the number, the bar."""
    lines = ["does the mixture do the work?"]
    for name, meaning in MEANING.items():
        cell = findings.cell(name)
        shown = "-" if cell is None else with_interval(cell.value, cell.interval)
        lines.append(f"  {name:22} {shown:20} {bar_of(name, findings):26} {meaning}".rstrip())
    entropies = (f"{name} {with_interval(cell.value, None)}" for name, cell in findings.gate_entropy.items())
    lines.append(f"  gate entropy on pairs, nats (two experts alike: 0.69): {', '.join(entropies)}")
    return [*lines, ""]


def bar_of(name: str, findings: MixtureFindings) -> str:
    """The bar of a number, and whether it is reached: `at least 0.60, reached`."""
    cell = findings.cell(name)
    if name not in BARS or cell is None or cell.value is None:
        return ""
    kind, bar = BARS[name]
    if kind == "at most half of":
        bar = 0.5 * (findings.label_accuracy.value or 0.0)
    reached = cell.value >= bar if kind == "at least" else cell.value <= bar
    return (
        f"{'at least' if kind == 'at least' else 'at most'} {bar:.2f}, {'reached' if reached else 'missed'}"
    )


def plain_findings(findings: MixtureFindings) -> dict[str, Any]:
    """For the record: each number by its name, and the bars."""
    return asdict(findings) | {"bars": {name: bar_of(name, findings) for name in BARS}}
