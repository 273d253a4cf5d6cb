"""`moee study disentanglement`: what else moves when only the emotion, the sound or the person changes?"""

from itertools import product

from evaluation.studies import Clip, Disentanglement, disentanglement
from moee.studies.bench import Bench, blend_of, copy_with_sound, label_cue
from moee.studies.report import Report, with_interval

EMOTIONS_ASKED = ("happy", "sad", "surprise")
SOUNDS = 2
OWN = {"emotions": "emotion", "action units": "emotion", "lip track": "audio", "identity": "identity"}
INTRO = "A full cross of people, sounds and emotions: how much each measured thing moves with each factor."


def study(bench: Bench) -> Report:
    """Every person says every sound in every emotion, with a still head.

    Raises:
        ValueError: for fewer than two people.
    """
    if bench.clips < 2:
        raise ValueError(f"--clips {bench.clips}: at least 2 people are needed to tell them apart")
    portraits = [bench.clip(index) for index in range(bench.clips)]
    sounds = [bench.clip(bench.clips + index)["waveform"] for index in range(SOUNDS)]
    design = list(product(range(bench.clips), range(SOUNDS), EMOTIONS_ASKED, range(bench.seeds)))
    clips = []
    for person, sound, emotion, seed in bench.counted(design, len(design)):
        clip = copy_with_sound(portraits[person], sounds[sound])
        frames = bench.animate(clip, label_cue(blend_of(emotion)), seed, still=True)
        levels = {"emotion": emotion, "audio": str(sound), "identity": clip["identity"]}
        levels |= {"seed": str(seed)} if bench.seeds > 1 else {}
        clips.append(Clip(clip["identity"], levels, bench.look(frames)))
    matrix = disentanglement(clips)
    return Report("Disentanglement", INTRO, _lines(matrix), {"matrix": matrix, "selectivity": _own(matrix)})


def _own(matrix: Disentanglement) -> dict[str, dict[str, float | str]]:
    """Measure -> the factor that should move it, and that factor's share of its squared movements."""
    return {
        measure: {"factor": OWN[measure], "share": matrix.selectivity(measure, OWN[measure])}
        for measure in matrix.measures
    }


def _lines(matrix: Disentanglement) -> list[str]:
    lines = [f"{'changed alone':16}{'pairs':>6}  " + "".join(f"{name:22}" for name in matrix.measures)]
    for factor in matrix.factors:
        cells = [
            f"{with_interval(matrix.moved[factor][name], matrix.intervals[factor][name]):22}"
            for name in matrix.measures
        ]
        lines.append(f"{factor:16}{matrix.pairs[factor]:>6}  {''.join(cells)}".rstrip())
    own = _own(matrix)
    shares = [f"{'{share:.2f} ({factor})'.format(**own[name]):22}" for name in matrix.measures]
    lines.append(f"{'own share':16}{'':6}  {''.join(shares)}".rstrip())
    if matrix.frozen:
        lines.append(f"never moved: {', '.join(matrix.frozen)}")
    return [*lines, "1 is as far as two clips drawn at random; own share is of squared movements"]
