"""emotion2vec from the files its authors published: a folder of FunASR's, or a checkpoint of fairseq's.

FunASR's folders (`emotion2vec_plus_large` and its like) have `config.yaml` and `model.pt`; a checkpoint of
fairseq's such as `emotion2vec_base.pt` also has its settings inside, under `cfg`. In both the tensors lie
under `model`, in those with a classifier behind `d2v_model.`; an optimizer's moments and a record of the
training lie beside them and are left alone. Read from FunASR 1.4.16, fairseq (`fairseq/trainer.py`) and the
file lists of huggingface.co/emotion2vec, which also show that no file needs more than `weights_only` allows.
"""

import ast
import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor
from yaml import YAMLError

from lightning_modules.speech.emotion2vec import Emotion2vec, Emotion2vecSettings

# What all published networks have in common; another value would be another network.
FIXED = {"layer_norm_first": False, "norm_affine": True}
FIXED_AUDIO = {
    "extractor_mode": "layer_norm",
    "conv_pos_pre_ln": False,
    "use_alibi_encoder": True,
    "learned_alibi": False,
}
LONGEST_SPEC, MOST_CONVOLUTIONS = 1000, 100  # signs and entries: what asks for more is no network's
PREFIX = "d2v_model."
# Of training alone: the decoder that predicts masked frames, and `_ema`, the teacher of data2vec 2.0.
TRAINING = ("modality_encoders.AUDIO.decoder.", "_ema")


def load_emotion2vec(folder: Path) -> tuple[Emotion2vec, bool]:
    """The network in `folder`, and whether each clip must come to zero mean and unit variance first.

    Raises:
        FileNotFoundError: if there is not exactly one `.pt`, or no settings.
        ValueError: if a file cannot be read or belongs to another network.
    """
    files = sorted(folder.glob("*.pt"))
    if len(files) != 1:
        names = ", ".join(file.name for file in files) or "none"
        raise FileNotFoundError(
            f"{folder}: no config.json of a transformers model there, and not one .pt file of emotion2vec "
            f"but {names}"
        )
    content = read_checkpoint(files[0])
    state = published_state(content.get("model", content), files[0])
    conf, where = read_settings(folder, content)
    settings = settings_from(conf, len(state.get("proj.bias", ())), where)
    with torch.device("meta"):
        network = Emotion2vec(settings)
    check_fit(network, state, files[0])
    network.to_empty(device="cpu").load_state_dict(state)
    return network, conf["normalize"]


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """The content of a PyTorch file; no program in it runs, and tensors stay on disk where they can."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except OSError:
        raise
    except Exception as error:  # bytes that are no pickle make the unpickler stumble in any way
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is not a readable weights file: {reason[:120]}") from None
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} is no checkpoint: expected a dictionary, got {type(content).__name__}")
    return content


def published_state(model: Any, path: Path) -> dict[str, Tensor]:
    """The tensors that the network uses, by its own names."""
    if not isinstance(model, Mapping):
        raise ValueError(f"{path} is no checkpoint of emotion2vec: its model is {type(model).__name__}")
    named = {str(name).removeprefix(PREFIX): value for name, value in model.items()}
    state = {name: value for name, value in named.items() if not name.startswith(TRAINING)}
    other = next((name for name, value in state.items() if not isinstance(value, Tensor)), None)
    if other is not None:
        raise ValueError(f"{path} is no checkpoint of emotion2vec: {other!r} is no tensor")
    return state


def read_settings(folder: Path, content: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """`model_conf` of the folder's `config.yaml`, otherwise the checkpoint's own; and where it stood."""
    path = folder / "config.yaml"
    if path.is_file():
        try:
            read = OmegaConf.to_container(OmegaConf.load(path))
        except (YAMLError, OmegaConfBaseException, OSError, ValueError) as error:
            raise ValueError(f"{path} is not readable YAML: {str(error).splitlines()[0][:120]}") from None
        config = read if isinstance(read, dict) else {}
        if (kind := config.get("model")) != "Emotion2vec":
            raise ValueError(f"{path}: model is {kind!r}, expected 'Emotion2vec'")
        return config.get("model_conf") or {}, str(path)
    recorded = content.get("cfg")
    if not isinstance(recorded, Mapping) or "modalities" not in (recorded.get("model") or {}):
        raise FileNotFoundError(f"{folder}: no config.yaml there; copy the one published beside the .pt file")
    normalize = (recorded.get("task") or {}).get("normalize")
    return {**recorded["model"], "normalize": normalize}, f"cfg in the .pt file of {folder}"


def settings_from(conf: Mapping[str, Any], classes: int, where: str) -> Emotion2vecSettings:
    """Sizes as `model_conf` tells them."""
    try:
        audio, heads = conf["modalities"]["audio"], int(conf["num_heads"])
        check_fixed(conf, FIXED)
        check_fixed(audio, FIXED_AUDIO | {"num_alibi_heads": heads})
        if not isinstance(conf["normalize"], bool):
            raise ValueError(f"normalize is {conf['normalize']!r}, expected true or false")
        return Emotion2vecSettings(
            width=int(conf["embed_dim"]),
            heads=heads,
            hidden=int(conf["embed_dim"] * conf["mlp_ratio"]),
            prenet_layers=int(audio["prenet_depth"]),
            layers=int(conf["depth"]),
            epsilon=float(conf["norm_eps"]),
            convolutions=convolutions(audio["feature_encoder_spec"]),
            position_layers=int(audio["conv_pos_depth"]),
            position_kernel=max(3, audio["conv_pos_width"] // audio["conv_pos_depth"]),
            position_groups=int(audio["conv_pos_groups"]),
            extra_tokens=int(audio["num_extra_tokens"]),
            scale_per_layer=audio["learned_alibi_scale_per_layer"],
            scale_per_head=audio["learned_alibi_scale_per_head"],
            classes=classes,
        )
    except KeyError as error:
        raise ValueError(f"{where}: no {error.args[0]}, which emotion2vec needs") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None


def check_fixed(conf: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """A `ValueError` unless the settings have these values."""
    for name, value in fixed.items():
        if conf[name] != value:
            raise ValueError(f"{name} is {conf[name]!r}, in the published networks {value!r}")


def convolutions(spec: str) -> tuple[tuple[int, int, int], ...]:
    """Channels, kernel and stride of each, from sums and multiples of lists such as `[(512, 3, 2)] * 4`."""

    def value(node: ast.expr) -> Any:
        match node:
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value(left) + value(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                factors = value(left), value(right)
                if prod(x if isinstance(x, int) else len(x) for x in factors) > MOST_CONVOLUTIONS:
                    raise ValueError("too many convolutions")
                return factors[0] * factors[1]
        return ast.literal_eval(node)

    try:
        if len(spec) > LONGEST_SPEC:
            raise ValueError("too long")
        lists = value(ast.parse(spec, mode="eval").body)
        return tuple((int(channels), int(kernel), int(stride)) for channels, kernel, stride in lists)
    except (SyntaxError, TypeError, ValueError):
        shown = repr(spec)[:100]
        raise ValueError(f"feature_encoder_spec is {shown}, expected lists of three numbers each") from None


def check_fit(network: Emotion2vec, state: Mapping[str, Tensor], path: Path) -> None:
    """A `ValueError` unless the file has every tensor of the network, of its shape, and no other."""
    own = network.state_dict()
    missing, foreign = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or foreign:
        first = (missing + foreign)[0]
        raise ValueError(
            f"{path} does not fit its settings as emotion2vec: {len(missing)} tensors are missing, "
            f"{len(foreign)} are of another network, the first is {first}"
        )
    for name, value in own.items():
        if value.shape != state[name].shape:
            raise ValueError(
                f"{path} does not fit its settings as emotion2vec: {name} is {tuple(state[name].shape)}, "
                f"expected {tuple(value.shape)}"
            )
