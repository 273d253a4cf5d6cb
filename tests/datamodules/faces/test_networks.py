"""Shapes, sizes and files of the face finder's networks."""

import pytest
import torch
from safetensors.torch import save_file

from datamodules.faces.networks import CROP, MESH_POINTS, FaceNetworks, load_networks

LARGEST_FILE = 4_000_000  # bytes in half precision


def test_networks_answer_in_the_shapes_that_they_promise():
    networks = FaceNetworks().eval()
    scenes = torch.zeros(2, 3, 128, 64, dtype=torch.uint8)
    squares = torch.zeros(3, 3, CROP, CROP, dtype=torch.uint8)
    cells, points, logits = networks(scenes, squares)
    assert cells.shape == (2, 4, 16, 8)
    assert points.shape == (3, MESH_POINTS, 2)
    assert logits.shape == (3,)
    assert cells[:, 0].max() < -3  # an untrained detector finds nothing
    assert 2 * sum(p.numel() for p in networks.parameters()) < LARGEST_FILE


def test_the_reader_begins_with_the_mean_face():
    networks = FaceNetworks().eval()
    truth = 30 + 5 * torch.rand(6, MESH_POINTS, 2)
    networks.start_from(truth)
    with torch.no_grad():
        networks.reader.shape[1].weight.zero_()
        _, points, _ = networks(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, CROP, CROP))
    assert torch.allclose(points[0], truth.mean(0), atol=1e-3)


def test_a_file_is_read_back_and_another_one_refused(tmp_path):
    networks = FaceNetworks()
    half = {
        name: value.half() if value.is_floating_point() else value
        for name, value in networks.state_dict().items()
    }
    save_file(half, tmp_path / "own.safetensors")
    read = load_networks(tmp_path / "own.safetensors")
    assert not read.training
    assert next(read.parameters()).dtype == torch.float32
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="does not hold the face finder's networks"):
        load_networks(tmp_path / "other.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="damaged or not a safetensors file"):
        load_networks(tmp_path / "bad.safetensors")
