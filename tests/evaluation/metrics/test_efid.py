"""E-FID against eigenvalues of the product of covariances.

With frames without a face, by person, and through an evaluation.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from judges import PROTOCOL, judges, painted
from torch import Tensor

from evaluation.evaluate import evaluate
from evaluation.metrics import CentredExpressionOfSets, ExpressionOfSets
from evaluation.protocol import load_protocol
from evaluation.results.result import Result


def reference(x: Tensor, y: Tensor) -> float:
    """Dowson & Landau's distance as torch-fidelity writes it down."""
    a, b = x.double().numpy(), y.double().numpy()
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * root)


def people(shift: float = 0.0) -> tuple[list[Tensor], list[Tensor]]:
    """Generated and true coefficients of four people, each with an offset of their own."""
    g = torch.Generator().manual_seed(5)
    mix = torch.randn(10, 10, generator=g)
    offsets = 4 * torch.randn(4, 10, generator=g)
    true = [torch.randn(40 + 5 * i, 10, generator=g) @ mix + offsets[i] for i in range(4)]
    made = [1.3 * torch.randn(35, 10, generator=g) @ mix + offsets[i] + shift for i in range(4)]
    return made, true


def test_it_is_the_distance_of_all_frames():
    made, true = people()
    value, error = ExpressionOfSets().of_people(made, true)
    assert value == pytest.approx(reference(torch.cat(made), torch.cat(true)), rel=1e-8)
    assert error is not None
    assert error > 0
    assert abs(ExpressionOfSets().of_people(true, true)[0]) < 1e-9


def test_by_person_the_true_mean_is_taken_off_both():
    made, true = people()
    value, _ = CentredExpressionOfSets().of_people(made, true)
    sides = [torch.cat([x - y.mean(0) for x, y in zip(side, true, strict=True)]) for side in (made, true)]
    assert value == pytest.approx(reference(*sides), rel=1e-8)
    assert value < ExpressionOfSets().of_people(made, true)[0] + 1  # offsets of people are no distance
    who = [x + 50 * i for i, x in enumerate(made)], [x + 50 * i for i, x in enumerate(true)]
    assert CentredExpressionOfSets().of_people(*who)[0] == pytest.approx(value, rel=1e-6)
    assert ExpressionOfSets().of_people(*who)[0] != pytest.approx(ExpressionOfSets().of_people(made, true)[0])
    wrong, _ = CentredExpressionOfSets().of_people(*people(shift=2.0))
    assert wrong == pytest.approx(value + 10 * 2.0**2, rel=0.2)  # a constant grimace is seen


@pytest.mark.parametrize("kind", [ExpressionOfSets, CentredExpressionOfSets])
def test_as_a_torchmetric_and_without_faces(kind):
    made, true = people()
    metric = kind()
    assert metric.compute().isnan()
    gap = torch.full((3, 10), torch.nan)
    for x, y in zip(made, true, strict=True):
        metric.update(torch.cat([gap, x]), torch.cat([y, gap[:1]]))
    assert metric.compute().item() == pytest.approx(kind().of_people(made, true)[0], rel=1e-9)
    assert metric.clip_sums(torch.cat([gap, made[0]]), true[0]).tolist() == [35, 40]
    assert metric.details(metric.sums) == {"samples_generated": 140, "samples_true": 190}


class Faces:
    """Stands for 3DDFA_V2: ten numbers of each frame, none of every fifth."""

    name, published, fingerprint = "3ddfa-v2-mb05-mediapipe", True, "f" * 64
    provides = ("expression_3ddfa", "pose_3ddfa")

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        found = frames_F3HW[:, 0, ::12, 40].float()[:, :10].clone()
        found[::5] = torch.nan
        return {"expression_3ddfa": found, "pose_3ddfa": found[:, :3]}


def test_through_an_evaluation_and_back_from_its_file(tmp_path: Path):
    samples = [painted(i) for i in range(6)]
    made = {s["key"]: (s["frames"].int() * 3 // 4 + 20).to(torch.uint8) for s in samples}
    names = ("efid_3ddfa", "efid_3ddfa_centred", "head_range_3ddfa", "head_speed_3ddfa")
    protocol = replace(load_protocol(PROTOCOL), metrics=names, extractors={})
    result = evaluate(made, samples, protocol, tmp_path / "r.json", extractors=[*judges(), Faces()])
    assert not any(row.problem for row in result.rows)
    sides = [
        torch.cat([Faces().measure(x)["expression_3ddfa"] for x in side])
        for side in ([made[s["key"]] for s in samples], [s["frames"] for s in samples])
    ]
    seen = [side[~side.isnan().any(-1)] for side in sides]
    record = result.metrics["efid_3ddfa"]
    assert record["value"] == pytest.approx(reference(*seen), rel=1e-5)
    assert record["details"] == {"samples_generated": len(seen[0]), "samples_true": len(seen[1])}
    assert len(seen[0]) < len(sides[0])
    assert result.metrics["head_range_3ddfa"]["details"]["true"].keys() == {"yaw", "pitch", "roll"}
    assert Result.read(tmp_path / "r.json").metrics == result.metrics
