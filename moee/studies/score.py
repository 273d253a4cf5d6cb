"""Does the generator do what it is told? The table of the model card, on held-out synthetic people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moee.console import Tell, silent
from moee.generation.settings import STEPS

if TYPE_CHECKING:
    from moee.studies.control_tests import Score

QUESTIONS = ("emotion", "truth", "shuffled", "units", "palette", "compounds")
HEADER = f"{'what':44}{'value':>8}  {'95 % interval':18}{'ceiling':>8}{'floor':>8}"


@dataclass(frozen=True)
class ScoreTable:
    """Every line of the table, and what it rests on.

    Args:
        rows: in the order of the questions.
        generator_sha256: of the network's file.
        judges: name -> sha256 of the networks that measured.
        clips, frames, seeds: how much was measured.
        sampling: steps, emotion strength and guidance that the network ran with.
    """

    rows: "list[Score]"
    generator_sha256: str
    judges: dict[str, str]
    clips: int
    frames: int
    seeds: int
    sampling: dict[str, float]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "generator_sha256": self.generator_sha256,
            "judges": {**self.judges, "published": False},
            "clips": self.clips,
            "frames": self.frames,
            "seeds": self.seeds,
            **self.sampling,
            "rows": [row.record() for row in self.rows],
        }


def score(
    checkpoint: str | None = None,
    *,
    clips: int = 28,
    frames: int = 25,
    seeds: int = 3,
    steps: int = STEPS,
    emotion_strength: float | None = None,
    emotion_guidance: float = 1.0,
    questions: Sequence[str] = QUESTIONS,
    precision: str = "auto",
    device: str = "auto",
    judge: str = "judge",
    identity: str = "judge-identity",
    tell: Tell = silent,
) -> ScoreTable:
    """Score a talking head by the embedded judges, which had no part in training it.

    Args:
        checkpoint: an exported talking head; None is the shipped one.
        clips: held-out clips a row.
        frames: of a clip.
        seeds: sampling seeds.
        steps: of the sampler.
        emotion_strength: of the experts; None is the network's own.
        emotion_guidance: as in `moee.animate`; 1 is off.
        questions: names of `QUESTIONS`.
        precision: as in `moee.animate`.
        device: where the talking head computes; judges stay on the CPU.
        judge: weights of the judge of emotions, action units and lips.
        identity: weights of the judge of identity.
        tell: told each line of the table as it is known.

    Raises:
        ValueError: for a number below one, or an unknown question.
        FileNotFoundError: if weights are missing.
    """
    from evaluation.runtime.devices import choose_device
    from moee.generation.generator import load_generator, refuse_moved_points
    from moee.studies.bench import check_least, load_judges
    from moee.studies.control_tests import ControlTests

    for name, number in {"clips": clips, "frames": frames, "seeds": seeds, "steps": steps}.items():
        check_least(name, number)
    _check_questions(questions)
    generator = load_generator(checkpoint, precision, choose_device(device))
    refuse_moved_points(generator, "moee score")
    judges = load_judges(judge, identity)
    strength = generator.network.emotion_strength if emotion_strength is None else emotion_strength
    sampling = {"steps": steps, "emotion_strength": strength, "emotion_guidance": emotion_guidance}
    tests = ControlTests(generator.network, *judges, clips, frames, seeds, sampling)
    amount = f"{clips} clips x {frames} frames x {seeds} seeds, {steps} steps, emotion strength {strength:g}"
    tell(f"{generator.path.name} sha256 {generator.sha256[:12]}, {amount}")
    tell(HEADER)
    rows = []
    for row in tests.rows(questions):
        rows.append(row)
        tell(row.line())
    digests = {"judge": judges[0].fingerprint, "identity": judges[1].fingerprint}
    return ScoreTable(rows, generator.sha256, digests, clips, frames, seeds, sampling)


def _check_questions(questions: Sequence[str]) -> None:
    from moee.config_errors import unknown_name

    for question in questions:
        if question not in QUESTIONS:
            raise ValueError(unknown_name(f"--questions {question}", question, QUESTIONS))
