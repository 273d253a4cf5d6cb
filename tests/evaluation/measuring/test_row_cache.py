"""What was measured before a kill is not measured again, and never taken for something else."""

from pathlib import Path

import pytest
import torch
from judges import PROTOCOL, PaintedIdentity, PaintedJudge, judges, painted
from torch import Tensor

from datamodules.batch import Sample
from evaluation.evaluate import evaluate
from evaluation.results.result import Result


class Counting(PaintedJudge):
    """Counts the clips it looks at."""

    def __init__(self) -> None:
        self.calls = 0

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        return super().measure(frames_F3HW)


@pytest.fixture
def samples() -> list[Sample]:
    return [painted(i) for i in range(4)]


def scored(samples: list[Sample], cache: Path | None, judge: PaintedJudge, **options: object) -> Result:
    all_of_them = [judge, *judges()[1:]]
    return evaluate(samples, samples, PROTOCOL, extractors=all_of_them, cache=cache, **options)  # type: ignore[arg-type]


def test_a_second_evaluation_measures_nothing_and_finds_the_same(samples, tmp_path: Path) -> None:
    first, again = Counting(), Counting()
    result = scored(samples, tmp_path, first)
    assert first.calls > 0
    assert scored(samples, tmp_path, again).digest == result.digest
    assert again.calls == 0
    assert result.digest == evaluate(samples, samples, PROTOCOL, extractors=judges()).digest


def test_an_interrupted_evaluation_goes_on_where_it_was(samples, tmp_path: Path) -> None:
    def stop(_: str, done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    whole = Counting()
    result = scored(samples, None, whole)
    with pytest.raises(KeyboardInterrupt):
        scored(samples, tmp_path, Counting(), progress=stop)
    rest = Counting()
    assert scored(samples, tmp_path, rest).digest == result.digest
    assert 0 < rest.calls * 4 <= whole.calls


def test_a_damaged_file_is_measured_again(samples, tmp_path: Path) -> None:
    result = scored(samples, tmp_path, Counting())
    for folder in (tmp_path, tmp_path / "features"):
        for damaged in sorted(folder.glob("*.safetensors")):
            damaged.write_bytes(damaged.read_bytes()[:100])
    judge = Counting()
    assert scored(samples, tmp_path, judge).digest == result.digest
    assert judge.calls > 0


def test_other_pictures_another_network_and_other_truth_are_measured(samples, tmp_path: Path) -> None:
    scored(samples, tmp_path, Counting())
    changed = [dict(sample) for sample in samples]
    changed[0]["frames"] = torch.cat([samples[0]["frames"][:-1], samples[0]["frames"][:1]])
    judge = Counting()
    evaluate(changed, samples, PROTOCOL, extractors=[judge, PaintedIdentity()], cache=tmp_path)  # type: ignore[arg-type]
    assert 0 < judge.calls <= 3
    other = Counting()
    other.fingerprint = "c" * 64
    scored(samples, tmp_path, other)
    assert other.calls == len(samples)  # generated and true are the same pictures here


def test_settings_tell_networks_apart(samples, tmp_path: Path) -> None:
    """Two hops of one I3D share their name and their weights, and are no less two networks."""
    scored(samples, tmp_path, Counting())
    other = Counting()
    other.settings = {"hop_frames": 8}  # type: ignore[attr-defined]
    scored(samples, tmp_path, other)
    assert other.calls == len(samples)


def test_failures_are_not_kept(samples, tmp_path: Path) -> None:
    made = {sample["key"]: sample["frames"] for sample in samples} | {"clip-1": samples[1]["frames"][:1]}
    result = evaluate(made, samples, PROTOCOL, extractors=judges(), cache=tmp_path)
    assert [row.key for row in result.rows if row.problem] == ["clip-1"]
    assert len(list(tmp_path.glob("*.safetensors"))) == 3
    assert not any(row.problem for row in scored(samples, tmp_path, Counting()).rows)
