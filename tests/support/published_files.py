"""Small files in the formats of published networks: every name, shape and wrapping, numbers of ours.

A filter's numbers are written once and stand for all filters of its layer, so that a hundred megabytes are
a few hundred kilobytes. What a network makes of pictures is then worth nothing, but it is as large and lies
in the same range.
"""

import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from told_faces import ToldFaces, moving_face
from torch import Tensor, nn

from evaluation.extractors.published.arcface import ArcFace
from evaluation.extractors.published.hsemotion import CLASSES
from evaluation.extractors.published.i3d import I3d
from evaluation.extractors.published.inception import Inception
from evaluation.extractors.published.mini_xception import Network as MiniXceptionNetwork
from evaluation.extractors.published.mini_xception import keras_names
from evaluation.extractors.published.open_graph_au import OpenGraphAU
from evaluation.extractors.published.syncnet import SyncNet
from evaluation.extractors.published.tddfa import PARAMETERS, MobileNet

KERAS_AXES = {"kernel": (2, 3, 1, 0), "pointwise_kernel": (2, 3, 1, 0), "depthwise_kernel": (2, 3, 0, 1)}
FACES = ToldFaces(moving_face(1))  # networks ask for it when they are built; their files know nothing of it


def made_up(name: str, value: Tensor) -> Tensor:
    """As large as `value`, seeded by its name; variances 1, scales about 1, means and biases about 0."""
    if not value.is_floating_point():
        return torch.zeros(value.shape, dtype=value.dtype)
    if name.endswith("running_var"):
        return torch.ones(value.shape)
    g = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    if value.ndim < 2:
        return 0.1 * torch.randn(value.shape, generator=g) + float(name.endswith("weight"))
    row = torch.randn(1, *value.shape[1:], generator=g)
    return (row * (2 / row.numel()) ** 0.5).expand(value.shape)


def state(build: Callable[[], nn.Module], prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a network, under a prefix."""
    with torch.device("meta"):
        tensors = build().state_dict()
    return {f"{prefix}{name}": made_up(name, value) for name, value in tensors.items()}


def s3fd() -> dict[str, Tensor]:
    from face_alignment.detection.sfd.net_s3fd import s3fd as network

    return state(network)


def fan() -> dict[str, Tensor]:
    from face_alignment.models import FAN

    return state(lambda: FAN(4))


def hsemotion() -> dict[str, Tensor]:
    import timm

    return state(lambda: timm.create_model("tf_efficientnet_b0", num_classes=CLASSES))


def trunk(name: str) -> dict[str, Tensor]:
    """Torchvision's network, layers after `features` left out: most of it, and LPIPS never reads them."""
    import torchvision

    return state(lambda: getattr(torchvision.models, name)(weights=None).features, "features.")


def keras(path: Path) -> None:
    """mini-Xception as Keras writes it: kernels with channels last, a group for each layer."""
    tensors = state(MiniXceptionNetwork)
    with h5py.File(path, "w") as file:
        for ours, (layer, variable) in keras_names().items():
            axes = KERAS_AXES.get(variable)
            value = tensors[ours].permute(axes) if axes else tensors[ours]
            file[f"model_weights/{layer}/{layer}_1/{variable}:0"] = value.numpy()


def mean_std(path: Path) -> None:
    """What 3DDFA's outputs are scaled by: here nothing."""
    np.savez(path, mean=np.zeros(PARAMETERS, np.float32), std=np.ones(PARAMETERS, np.float32))


STATES: dict[str, Callable[[], dict]] = {
    "inception_tf2015": lambda: state(lambda: Inception("clean")),
    "i3d_kinetics400": lambda: state(lambda: I3d("squash", 16)),
    "lpips_alexnet": lambda: trunk("alexnet"),
    "lpips_vgg16": lambda: trunk("vgg16"),
    "syncnet_v2": lambda: state(SyncNet),
    "3ddfa_v2_mb05": lambda: {"state_dict": state(MobileNet, "module.")},
    "opengraphau_resnet50": lambda: {"state_dict": state(lambda: OpenGraphAU(FACES), "module.")},
    "hsemotion_b0_8_vgaf": hsemotion,
    "fan_2d": fan,
    "s3fd": s3fd,
    "arcface_ms1mv3_r100": lambda: state(lambda: ArcFace("ms1mv3", "r100", FACES)),
}
OTHERS: dict[str, Callable[[Path], None]] = {"fer2013_mini_xception": keras, "3ddfa_v2_mean_std": mean_std}


def write(name: str, path: Path) -> None:
    """The file of a registered network; of Google's landmarker, which is a program, one that says nothing."""
    if name in STATES:
        torch.save(STATES[name](), path)
    else:
        OTHERS.get(name, lambda file: file.write_bytes(b"no landmarker"))(path)
