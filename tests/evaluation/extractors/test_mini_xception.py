import json

import h5py
import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from evaluation.extractors.interface import Extractor
from evaluation.extractors.published.mini_xception import (
    MiniXception,
    Network,
    face_squares,
    grey,
    keras_names,
)
from evaluation.metrics import METRICS
from evaluation.metrics.emotion.labels import in_our_order
from tests.evaluation.extractors.test_face_extractors import (
    ANIMALS,
    LANDMARKER,
    WEIGHTS,
    clip,
    extractor,
    needs_weights,
    portrait,
)

FILE = WEIGHTS / "fer2013_mini_XCEPTION.102-0.66.hdf5"


def test_names_and_parameters():
    network = Network()
    names = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    assert names == set(keras_names())
    assert sum(p.numel() for p in network.parameters()) == 56_951
    assert len(set(keras_names().values())) == len(keras_names())


def test_grey_is_opencvs():
    cv2 = pytest.importorskip("cv2")
    g = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (1, 3, 40, 40), generator=g, dtype=torch.uint8)
    wanted = cv2.cvtColor(frames[0].permute(1, 2, 0).numpy(), cv2.COLOR_RGB2GRAY)
    assert (grey(frames)[0, 0].int() - torch.from_numpy(wanted).int()).abs().max() <= 1


def test_the_square_lies_about_the_face():
    points = torch.tensor([[[10.0, 20.0], [90.0, 120.0]]])
    left, top, side = face_squares(points)[0].tolist()
    assert (left + side / 2, top + side / 2, side) == pytest.approx((50, 70 - 19, 122))


@pytest.mark.parametrize("content", [b"no hdf5", b""])
def test_a_wrong_file_gets_one_line(tmp_path, content):
    with pytest.raises(FileNotFoundError, match=r"no mini-Xception weights at .*moee weights fetch"):
        MiniXception.load(tmp_path / "none.hdf5", tmp_path)
    (tmp_path / "w.hdf5").write_bytes(content)
    with pytest.raises(ValueError, match="is not the Keras file of mini-Xception"):
        MiniXception.load(tmp_path / "w.hdf5", tmp_path)
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["model_weights/conv2d_1/conv2d_1_1/kernel:0"] = np.zeros((3, 3, 1, 8), np.float32)
    with pytest.raises(ValueError, match="is not the Keras file of mini-Xception"):
        MiniXception.load(tmp_path / "other.hdf5", tmp_path)


def _same(x, kernel: int, stride: int, fill: float) -> np.ndarray:
    """Keras' padding `same` of (H, W, C)."""
    total = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[:2]]
    return np.pad(x, [*((t // 2, t - t // 2) for t in total), (0, 0)], constant_values=fill)


def _layer(kind: str, about: dict, weights: list, inputs: list) -> np.ndarray:
    """One Keras layer on (H, W, C), by its definition."""
    x, stride = inputs[0], about.get("strides", [1])[0]
    if kind in ("Conv2D", "SeparableConv2D"):
        x = _same(x, about["kernel_size"][0], stride, 0.0) if about["padding"] == "same" else x
    if kind == "SeparableConv2D":
        depth, point = weights
        sides = [correlate2d(x[..., c], depth[..., c, 0], "valid") for c in range(x.shape[-1])]
        return np.stack(sides, -1) @ point[0, 0]
    if kind == "Conv2D":
        kernel = weights[0]
        out = [
            sum(correlate2d(x[..., c], kernel[..., c, d], "valid") for c in range(x.shape[-1]))
            for d in range(kernel.shape[-1])
        ]
        return np.stack(out, -1)[::stride, ::stride] + (weights[1] if about["use_bias"] else 0)
    if kind == "BatchNormalization":
        gamma, beta, mean, variance = weights
        return gamma * (x - mean) / np.sqrt(variance + about["epsilon"]) + beta
    if kind == "MaxPooling2D":
        x = _same(x, 3, 2, -np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (0, 1))
        return windows[::2, ::2].max((-1, -2))
    if kind == "Activation":
        e = np.exp(x - x.max())
        return np.maximum(x, 0) if about["activation"] == "relu" else e / e.sum()
    return {"Add": sum, "GlobalAveragePooling2D": lambda z: z[0].mean((0, 1))}[kind](inputs)


def by_its_own_description(x_HW1: np.ndarray) -> np.ndarray:
    """The file's layers one after the other, as its `model_config` says, in float64."""
    with h5py.File(FILE, "r") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        found = {layers[0]["name"]: x_HW1}
        for layer in layers[1:]:
            group = file["model_weights"][layer["name"]]
            weights = [group[name][()].astype(np.float64) for name in group.attrs["weight_names"]]
            inputs = [found[node[0]] for node in layer["inbound_nodes"][0]]
            found[layer["name"]] = _layer(layer["class_name"], layer["config"], weights, inputs)
    return found[layers[-1]["name"]]


class TestReal:
    pytestmark = needs_weights

    def network(self) -> Extractor:
        return extractor(MiniXception.name, FILE.name, LANDMARKER.name)

    def test_it_is_the_network_the_file_describes(self):
        crops = torch.randint(0, 256, (2, 1, 64, 64), generator=torch.Generator().manual_seed(2))
        found = self.network().probabilities(crops.to(torch.uint8))
        for got, crop in zip(found, crops, strict=True):
            wanted = by_its_own_description((crop.permute(1, 2, 0).double().numpy() / 255 - 0.5) * 2)
            assert np.abs(got.numpy() - wanted).max() < 1e-5
        assert (found[0] - found[1]).abs().max() > 1e-3

    def test_happy_clips_score_happier(self):
        happy = {}
        for name in ("HAP", "NEU", "ANG", "SAD"):
            found = self.network().measure(clip(f"cremad_1001_DFA_{name}_XX"))["emotion_fer2013"]
            assert torch.allclose(found.sum(-1), torch.ones(len(found)), atol=1e-5)
            happy[name] = in_our_order(found, "fer2013")[:, 0].mean().item()
            if name == "HAP":
                metric = METRICS["emotion_accuracy_fer2013"]()
                metric.update(found, torch.tensor([1.0, 0, 0, 0, 0, 0]))
                assert metric.compute() == 1
        assert happy["HAP"] > 0.3 > 10 * max(happy["NEU"], happy["ANG"], happy["SAD"])

    def test_without_a_face(self):
        frames = clip("cremad_1001_DFA_HAP_XX").clone()
        frames[6] = 200
        assert self.network().measure(frames)["emotion_fer2013"].isnan().all(-1).nonzero().tolist() == [[6]]
        for name in ANIMALS:
            with pytest.raises(ValueError, match="no face in any of the 1 frames"):
                self.network().measure(portrait(name))
