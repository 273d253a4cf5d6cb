import pytest
import torch
from told_faces import ToldFaces, moving_face
from torch import Tensor

from evaluation.extractors.faces.mesh import Faces
from evaluation.extractors.faces.per_face import in_batches, per_face

FRAMES = torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 3, 8, 8)


def test_rows_come_back_to_their_frames() -> None:
    points = moving_face(5)
    points[[0, 3]] = torch.nan
    noses = []

    def cut(frames_N3HW: Tensor, faces: Faces) -> Tensor:
        noses.append(faces.mesh[:, 4])
        return frames_N3HW[:, :, :4, :4]

    def look(crops_NCHW: Tensor) -> Tensor:
        return crops_NCHW.float().mean((2, 3))

    rows = per_face(ToldFaces(points), FRAMES, "it", cut, look)
    assert rows[[1, 2, 4]].tolist() == [[number] * 3 for number in (1, 2, 4)]
    assert rows[[0, 3]].isnan().all()
    assert torch.equal(noses[0], points[[1, 2, 4], 2] + 0.5)


def test_batches_are_of_one_size_and_checked() -> None:
    sizes: list[int] = []

    def network(batch_BCHW: Tensor) -> Tensor:
        sizes.append(len(batch_BCHW))
        assert torch.is_inference_mode_enabled()
        return batch_BCHW.float().flatten(1)[:, :2]

    rows = in_batches(network, FRAMES, 2, 2, "it")
    assert sizes == [2, 2, 1]
    assert rows.tolist() == [[number] * 2 for number in range(5)]
    with pytest.raises(ValueError, match=r"it: expected features \(5, 3\), got \(5, 2\)"):
        in_batches(network, FRAMES, 2, 3, "it")
