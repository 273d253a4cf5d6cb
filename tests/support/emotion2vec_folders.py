"""Folders as emotion2vec's authors publish them, with weights that anyone can make again."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

SPEC = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"


def base_conf(**audio: Any) -> dict[str, Any]:
    """`model_conf` of emotion2vec_base as published, without what only its training reads."""
    own = {
        "type": "AUDIO",
        "prenet_depth": 4,
        "prenet_layerdrop": 0.05,
        "prenet_dropout": 0.1,
        "start_drop_path_rate": 0.0,
        "end_drop_path_rate": 0.0,
        "num_extra_tokens": 10,
        "init_extra_token_zero": True,
        "local_grad_mult": 1.0,
        "use_alibi_encoder": True,
        "alibi_scale": 1.0,
        "learned_alibi": False,
        "learned_alibi_scale": True,
        "learned_alibi_scale_per_head": True,
        "learned_alibi_scale_per_layer": False,
        "num_alibi_heads": 12,
        "model_depth": 8,
        "decoder": {
            "decoder_dim": 384,
            "decoder_groups": 16,
            "decoder_kernel": 7,
            "decoder_layers": 4,
            "projection_layers": 1,
        },
        "extractor_mode": "layer_norm",
        "feature_encoder_spec": SPEC,
        "conv_pos_width": 95,
        "conv_pos_groups": 16,
        "conv_pos_depth": 5,
        "conv_pos_pre_ln": False,
    }
    return {
        "depth": 8,
        "start_drop_path_rate": 0.0,
        "end_drop_path_rate": 0.0,
        "num_heads": 12,
        "norm_eps": 1e-05,
        "norm_affine": True,
        "encoder_dropout": 0.1,
        "post_mlp_drop": 0.1,
        "attention_dropout": 0.1,
        "activation_dropout": 0.0,
        "dropout_input": 0.0,
        "layerdrop": 0.05,
        "embed_dim": 768,
        "mlp_ratio": 4.0,
        "layer_norm_first": False,
        "end_of_block_targets": False,
        "normalize": True,
        "modalities": {"audio": own | audio},
    }


def tiny_conf(per_layer: bool = False, pos_width: int = 95) -> dict[str, Any]:
    """The same network, small: six heads, which is no power of two, in two layers and three."""
    small = base_conf(
        prenet_depth=2,
        model_depth=3,
        num_alibi_heads=6,
        learned_alibi_scale_per_layer=per_layer,
        decoder={
            "decoder_dim": 8,
            "decoder_groups": 2,
            "decoder_kernel": 7,
            "decoder_layers": 2,
            "projection_layers": 1,
        },
        feature_encoder_spec=SPEC.replace("512", "16"),
        conv_pos_width=pos_width,
        conv_pos_groups=4,
    )
    return small | {"embed_dim": 24, "num_heads": 6, "depth": 3}


def fill(network: nn.Module) -> dict[str, Tensor]:
    """Every tensor normal and seeded by its own name: around 1 where there is one axis or an ALiBi scale.

    Biases have deviation 0.1, other vectors and the scale 0.5, the rest sqrt(2 / product of trailing sizes).
    """
    state = network.state_dict()
    for name, value in state.items():
        draw = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(value.shape))
        if name.endswith("bias"):
            draw *= 0.1
        elif value.ndim == 1 or name.endswith("alibi_scale"):
            draw = 1 + 0.5 * draw
        else:
            draw *= np.sqrt(2 / np.prod(value.shape[1:]))
        value.copy_(torch.from_numpy(draw.astype(np.float32)))
    return state


def waveform() -> Tensor:
    """Two clips of noise (2, 6400)."""
    draw = np.random.default_rng(5).standard_normal((2, 6400)).astype(np.float32)
    return torch.from_numpy(draw)


def padding() -> Tensor:
    """True where a sample of `waveform` is padding, if its second clip ends after 4000 samples."""
    return torch.arange(6400) >= torch.tensor([[6400], [4000]])


def save_funasr(folder: Path, conf: dict[str, Any], state: dict[str, Tensor]) -> None:
    """As emotion2vec+: `config.yaml`, and `model.pt` with a prefix and, for nine classes, the classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save({"model": "Emotion2vec", "model_conf": conf}, folder / "config.yaml")
    (folder / "configuration.json").write_text('{"file_path_metas": {"init_param": "model.pt"}}')
    (folder / "tokens.txt").write_text("\n".join(f"class/{number}" for number in range(9)))
    model = {f"{'' if name.startswith('proj.') else 'd2v_model.'}{name}": state[name] for name in state}
    moments = {"state": {0: {"exp_avg": torch.zeros(3)}}}
    torch.save({"args": None, "model": model, "last_optimizer_state": moments}, folder / "model.pt")


def save_fairseq(folder: Path, conf: dict[str, Any], state: dict[str, Tensor], **how: Any) -> None:
    """As emotion2vec_base: one checkpoint with its settings, with the decoder and data2vec 2.0's teacher."""
    folder.mkdir(parents=True, exist_ok=True)
    task = {"_name": "emotion2vec_pretraining", "normalize": conf["normalize"]}
    model = {name: value for name, value in conf.items() if name != "normalize"}
    training = {
        "modality_encoders.AUDIO.decoder.proj.bias": torch.zeros(24),
        "_ema": {"blocks.0": torch.zeros(2)},
    }
    content = {"args": None, "cfg": {"model": model, "task": task}, "model": state | training}
    torch.save(content, folder / "emotion2vec_base.pt", **how)
