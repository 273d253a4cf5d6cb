"""Which parts a stage of training teaches; all others are frozen."""

from typing import Literal

import lightning as L
from torch import nn

Stage = Literal["portrait", "emotion", "joint"]
STAGE_PARTS: dict[str, tuple[str, ...]] = {
    "portrait": ("reference_net", "denoiser"),
    "emotion": ("mixture", "latent_generator", "emotion_encoders.label", "emotion_encoders.action_units"),
}
STAGE_PARTS["joint"] = STAGE_PARTS["portrait"] + STAGE_PARTS["emotion"]


def freeze_all_but(stage: Stage, model: L.LightningModule, frozen: list[str]) -> None:
    """Leave gradients to the parts of a stage only.

    Args:
        stage: names the parts; encoders that the model lacks are passed over.
        model: a composed talking head.
        frozen: parts of the stage that do not learn either.

    Raises:
        ValueError: if `frozen` names a part that the stage does not train.
    """
    parts = STAGE_PARTS[stage]
    if unknown := set(frozen) - set(parts):
        raise ValueError(f"frozen={sorted(unknown)}: stage {stage!r} trains {', '.join(parts)}")
    model.requires_grad_(False)
    known = {name for name, _ in model.named_modules()}
    for part in parts:
        if part in known and part not in frozen:
            model.get_submodule(part).requires_grad_(True)


def is_frozen(part: nn.Module) -> bool:
    """Whether nothing in a part learns."""
    return not any(parameter.requires_grad for parameter in part.parameters())


def keep_frozen_parts_still(model: L.LightningModule) -> None:
    """Evaluation mode for every part that does not learn: its running statistics must not change either."""
    for part in model.children():
        for each in part.values() if isinstance(part, nn.ModuleDict) else [part]:
            if is_frozen(each):
                each.eval()
