"""The composed module: portrait, sound and emotion to frames; loss, logging and optimizer.

B clip, F frame, C channel, H row, W column, E expert, M motion value.
"""

from collections.abc import Iterator
from typing import cast

import lightning as L
import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from datamodules.action_units import tonic
from datamodules.batch import MODALITIES, TalkingHeadBatch
from lightning_modules import frozen_features, generation
from lightning_modules.conditioning import (
    Dropout,
    NoisySampling,
    available_modalities,
    blend_shares,
    choose_modalities,
    label_cue,
    latent_features,
    latent_mouth,
    noisy_clips,
    swapped_cues,
    tied_clips,
    tied_palette,
)
from lightning_modules.diffusion.objective import Losses, Noise
from lightning_modules.diffusion.process import (
    add_noise,
    alphas_cumprod,
    clip_noise,
    spatial_weight,
    target,
    to_x0,
)
from lightning_modules.diffusion.timesteps import draw_timesteps
from lightning_modules.interfaces import (
    Conditions,
    Denoiser,
    EmotionCue,
    EmotionEncoder,
    EmotionFeatures,
    EmotionPass,
    ExpertMixture,
    LatentCodec,
    LatentGenerator,
    ReferenceNetwork,
    SpeechFeatures,
)
from lightning_modules.losses import gate_terms, latent_loss, spatial_loss
from lightning_modules.optim.rates import training_steps, with_warm_cosine
from lightning_modules.sizes import connect, read_sizes
from lightning_modules.stages import Stage, freeze_all_but, keep_frozen_parts_still
from lightning_modules.video import clip_latents
from lightning_modules.video.head_warp import warp_head

SAVED = (  # what a checkpoint tells of the settings beside its weights
    *("onehot_steps", "onehot_share", "latent_swap", "size", "chunk", "motion_frames", "latent_gain"),
    *("follow_head", "detail", "emotion_strength", "warmup_steps", "hold", "least_rate"),
    *("speech_past", "speech_future", "stage"),
)


class TalkingHead(L.LightningModule):
    """MoEE composed from its parts; owns the loss, the optimizer, freezing and logging.

    Parts own only `forward`.

    Args:
        codec, speech_features: frozen always.
        emotion_encoders: modality -> encoder; those of text and speech are frozen always.
        latent_generator, mixture, reference_net, denoiser: the parts that learn.
        perceptual: distance of two pictures for L_spatial, or None to leave the perceptual term out.
        stage: `portrait` trains reference network and denoiser without emotion (the paper's stage 1),
            `emotion` only mixture, latents, label and AU encoders (stage 2), `joint` all of them.
        optimizer: of the trained parts.
        frozen: parts of the stage that stay as they are, say a trained `reference_net`: cheaper steps.
        modalities: cues that training draws from; all encoders if not given.
        onehot_steps: optimizer steps of stage 2 in which the global gate of each clip with a blend is that
            blend; the learnt gate is taught by `losses.gate` meanwhile. None of the three is in the paper.
        onehot_share: share of the clips with a blend that stay so afterwards.
        latent_swap: share of those clips, if they show one emotion, whose latent speaks of another one.
        size: side of the pictures, pixels.
        chunk: new frames of a clip in `animate`.
        motion_frames: frames of the previous clip that the next one continues; 0 in clips shorter than twice
            of it.
        latent_gain: the clip's latents (their difference to the portrait's where the denoiser has it) are
            multiplied by this, so that their standard deviation is about 1.
        follow_head: the portrait that the denoiser has is moved with the head first, see `warp_head`.
        detail: softness of the portrait detail that is kept; 0 leaves it out.
        emotion_strength: what `animate` uses unless told; faint emotions want more than 1.
        warmup_steps: steps of linear warm-up; see `warm_cosine`. The paper states none of these three.
        hold: share of the steps at the full rate, before it falls.
        least_rate: share of the rate that is left at the end.
        speech_past, speech_future: frames of sound around a chunk that are heard with it; inferred.

    Raises:
        ValueError: for parts that do not fit each other, or settings that contradict each other: one line.
    """

    alphas: Tensor

    def __init__(
        self,
        codec: LatentCodec,
        speech_features: SpeechFeatures,
        emotion_encoders: dict[str, EmotionEncoder],
        latent_generator: LatentGenerator,
        mixture: ExpertMixture,
        reference_net: ReferenceNetwork,
        denoiser: Denoiser,
        perceptual: nn.Module | None = None,
        stage: Stage = "portrait",
        optimizer: OptimizerCallable = torch.optim.AdamW,
        noise: Noise = Noise(),  # noqa: B008 - dataclasses of plain values, as LightningCLI wants them
        losses: Losses = Losses(),  # noqa: B008
        dropout: Dropout = Dropout(),  # noqa: B008
        noisy_sampling: NoisySampling = NoisySampling(),  # noqa: B008
        frozen: list[str] | None = None,
        modalities: list[str] | None = None,
        onehot_steps: int = 0,
        onehot_share: float = 0.0,
        latent_swap: float = 0.0,
        size: int = 128,
        chunk: int = 14,
        motion_frames: int = 2,
        latent_gain: float = 1.0,
        follow_head: bool = False,
        detail: float = 0.0,
        emotion_strength: float = 1.0,
        warmup_steps: int = 50,
        hold: float = 0.0,
        least_rate: float = 0.02,
        speech_past: int = 64,
        speech_future: int = 16,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(*SAVED)
        sizes = read_sizes(codec, speech_features, emotion_encoders, latent_generator, denoiser)
        connect(sizes, latent_generator, mixture, reference_net, denoiser)
        self.codec, self.speech_features = codec, speech_features
        self.emotion_encoders = nn.ModuleDict(emotion_encoders)
        self.latent_generator, self.mixture = latent_generator, mixture
        self.reference_net, self.denoiser, self.perceptual = reference_net, denoiser, perceptual
        self.optimizer, self.noise, self.losses = optimizer, noise, losses
        self.dropout, self.noisy_sampling = dropout, noisy_sampling
        self.stage: Stage = stage
        self.frozen = frozen or []
        self.size, self.chunk, self.motion_frames = size, chunk, motion_frames
        self.latent_gain, self.follow_head, self.detail = latent_gain, follow_head, detail
        self.emotion_strength = emotion_strength
        self.onehot_steps, self.onehot_share, self.latent_swap = onehot_steps, onehot_share, latent_swap
        self.warmup_steps, self.hold, self.least_rate = warmup_steps, hold, least_rate
        self.speech_past, self.speech_future = speech_past, speech_future
        self.modalities = list(emotion_encoders) if modalities is None else modalities
        self._token_shapes: dict[str, Tensor] | None = None
        self._check_settings()
        alphas = alphas_cumprod(
            noise.steps, noise.zero_terminal_snr, noise.schedule, noise.beta_start, noise.beta_end
        )
        self.register_buffer("alphas", alphas, persistent=False)
        freeze_all_but(stage, self, self.frozen)

    def _check_settings(self) -> None:
        if unknown := set(self.modalities) - set(self.emotion_encoders):
            raise ValueError(
                f"modalities {sorted(unknown)} have no encoder; there are encoders for "
                f"{list(self.emotion_encoders)}"
            )
        if self.noise.zero_terminal_snr and self.noise.prediction == "epsilon":
            raise ValueError(
                "prediction='epsilon' says nothing at zero terminal SNR: set zero_terminal_snr to false"
            )
        if min(self.speech_past, self.speech_future) < 0:
            raise ValueError(
                f"speech_past={self.speech_past}, speech_future={self.speech_future}: expected 0 or more"
            )

    @property
    def trained_modalities(self) -> list[str]:
        """Cues that training uses in its stage."""
        return [] if self.stage == "portrait" else self.modalities

    def encode_pictures(self, image_N3HW: Tensor) -> Tensor:
        """Latents of uint8 pictures (N, 3, H, W)."""
        return self.codec.encode(clip_latents.in_range(image_N3HW).to(self.codec.dtype))

    @torch.no_grad()
    def _latents(self, batch: TalkingHeadBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Clip (B, F, C, h, w), portrait (B, C, h, w), speech (B, F, T, D): the batch's, if it has them."""
        if "latent" in batch and "reference_latent" in batch and "speech_tokens" in batch:
            return batch["latent"], batch["reference_latent"], batch["speech_tokens"]
        return *clip_latents.both(self.codec, batch), self.speech_features(batch["waveform"])

    def _reference(self, batch: TalkingHeadBatch, portrait: Tensor) -> dict[str, Tensor]:
        """The portrait's tokens by location, from the batch where it has them."""
        if "reference_tokens" not in batch:
            return self.reference_net(portrait)
        shapes = self._token_shapes
        if shapes is None:
            with torch.no_grad():
                shapes = self._token_shapes = self.reference_net(portrait[:1])
        return frozen_features.unpack(batch["reference_tokens"], shapes)

    def emotion_features(
        self,
        cues: dict[str, Tensor | list[str]],
        present: dict[str, Tensor],
        ready: dict[str, Tensor] | None = None,
    ) -> EmotionFeatures:
        """Encode the cues of a batch, but for `ready` tokens; encoders whose cue nobody uses are not run."""
        features = EmotionFeatures()
        for name, cue in cues.items():
            if present[name].any():
                tokens = ready[name] if ready and name in ready else self.emotion_encoders[name](cue)
                features.tokens[name], features.present[name] = tokens, present[name]
        return features

    def _emotion(
        self, batch: TalkingHeadBatch, blend_BE: Tensor, noisy_B: Tensor
    ) -> tuple[EmotionPass, Tensor, Tensor]:
        """What the mixture is told of clips that show these blends.

        And the blends (B, E) that their cues name, and whether they name one (B,): what gates can learn from.
        """
        known_B = batch["present"]["blend"]
        tied_B = tied_clips(known_B, self.global_step < self.onehot_steps, self.onehot_share)
        named_BE, swapped_B = swapped_cues(
            blend_BE, tied_B, self.latent_swap if "label" in self.modalities else 0
        )
        chosen_BN = choose_modalities(available_modalities(batch, self.modalities), self.dropout)
        label_only = torch.tensor([name == "label" for name in MODALITIES], device=chosen_BN.device)
        relabelled_B = (noisy_B | swapped_B)[:, None] & chosen_BN.any(1, keepdim=True)
        chosen_BN = torch.where(relabelled_B, label_only, chosen_BN)
        told_B = chosen_BN.any(1)  # the null latent is told nothing by a gate either
        latent = self.cue_latent(batch, named_BE, chosen_BN)
        palette = tied_palette(blend_BE)
        if self.mixture.uses_palette:
            palette, tied_B = blend_shares(blend_BE), known_B
        return EmotionPass(self.mixture, latent, palette, told=tied_B & told_B), named_BE, known_B & told_B

    def cue_latent(self, batch: TalkingHeadBatch, blend_BE: Tensor, chosen_BN: Tensor) -> Tensor:
        """Emotion latent (B, F or 1, L, D) of a batch's cues, its labels naming `blend_BE`.

        Args:
            batch: clips with their texts, voices and units.
            blend_BE: what labels name; clips by region keep their own two.
            chosen_BN: which of `MODALITIES` speak for each clip.
        """
        cues: dict[str, Tensor | list[str]] = {
            "label": label_cue(batch, blend_BE),
            "text": batch["text"],
            "speech": batch.get("voice", batch["waveform"]),
            "action_units": batch["expression"] if "expression" in batch else tonic(batch["action_units"]),
        }
        cues = {name: cue for name, cue in cues.items() if name in self.emotion_encoders}
        present = {name: chosen_BN[:, MODALITIES.index(name)] for name in cues}
        fields = cast(dict[str, Tensor], batch)
        tokens = {m: fields[name] for m, name in frozen_features.CUE_TOKENS.items() if name in fields}
        return self.latent_generator(self.emotion_features(cues, present, tokens), len(blend_BE))

    def setup(self, stage: str) -> None:
        """Let the data module keep what frozen parts would otherwise make at each step."""
        data = getattr(self.trainer, "datamodule", None)
        if stage == "fit" and isinstance(data, frozen_features.KeepsAhead):
            frozen_features.keep(self, data, self.trainer.is_global_zero, self.trainer.strategy.barrier)

    # -- training

    def training_step(self, batch: TalkingHeadBatch, batch_idx: int) -> Tensor:
        known_B = batch["present"]["blend"]
        whole_B = known_B & ~batch["present"]["regions"]
        sampling = self.noisy_sampling if "label" in self.trained_modalities else NoisySampling(0.0)
        blend_BE, noisy_B = noisy_clips(batch["blend"], whole_B, sampling)
        emotion, named_BE, named_B = None, blend_BE, known_B
        if self.stage != "portrait":
            emotion, named_BE, named_B = self._emotion(batch, blend_BE, noisy_B)
        loss, parts = self._loss(batch, emotion, noisy_B)
        if emotion is not None and emotion.gates:
            parts |= gate_terms(emotion.gates, named_BE, named_B, self.losses.gate_least)
            loss = loss + self.losses.gate * parts["gate"]
        self.log_dict({f"train/{k}": v.detach() for k, v in parts.items()}, batch_size=len(batch["key"]))
        self.log("train/loss", loss.detach(), prog_bar=True, batch_size=len(batch["key"]))
        return loss

    def _loss(
        self, batch: TalkingHeadBatch, emotion: EmotionPass | None, noisy_B: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        clip, portrait, speech = self._latents(batch)
        motion = batch["head_motion"] if torch.rand(()) >= self.dropout.motion else None
        base = self.base(batch["reference"], portrait, motion)
        x = self.to_residual(clip, base)
        timestep_BF, free_BF = draw_timesteps(
            (x.shape[0], x.shape[1]), self.noise, self.motion_frames, self.dropout.motion_frames, x.device
        )
        alpha_BF = self.alphas[timestep_BF].where(free_BF, torch.ones_like(self.alphas[:1]))
        noise = clip_noise(x, self.noise.shared)
        z, mouth = add_noise(x, noise, alpha_BF), latent_mouth(batch["mouth_mask"], self.codec.factor)
        hidden = noisy_B.view(-1, 1, 1, 1, 1) * mouth
        if self.noisy_sampling.mask != "loss":
            z = torch.where(hidden > 0, noise, z)
        speech = speech * (torch.rand(len(x), 1, 1, 1, device=x.device) >= self.dropout.speech)
        reference = self._reference(batch, portrait)
        places = getattr(self.codec, "places", None)
        conditions = Conditions(reference, portrait=base, speech=speech, head_motion=motion, places=places)
        output = self.denoiser(z, timestep_BF, conditions, emotion)
        error = output - target(x, noise, alpha_BF, self.noise.prediction)
        weight = self._cell_weights(batch, mouth, hidden, x.shape[-1]) * free_BF[..., None, None, None]
        timestep_B = timestep_BF[:, -1]
        loss = latent_loss(error, weight, self.alphas[timestep_B], self.noise, self.losses)
        parts = {"latent": loss}
        if self.losses.spatial > 0:
            x0 = to_x0(z, output, alpha_BF, self.noise.prediction)
            decoded_latent = self.from_residual(x0, base)
            if self.noisy_sampling.mask != "input":  # what lies beside a hidden cell is decoded from it, too
                decoded_latent = torch.where(hidden > 0, clip, decoded_latent)
            ignored = None if self.noisy_sampling.mask == "input" else hidden > 0
            parts["spatial"] = self._spatial(decoded_latent, batch, timestep_B, ignored)
            loss = loss + self.losses.spatial * parts["spatial"]
        return loss, parts

    def _cell_weights(self, batch: TalkingHeadBatch, mouth: Tensor, hidden: Tensor, side: int) -> Tensor:
        """Weight (B, F, 1, h, w) of each latent cell's error; a hidden mouth may weigh nothing."""
        losses, factor = self.losses, self.codec.factor
        features = latent_features(batch["landmarks"], factor, side, losses.features_reach)
        weight = 1 + losses.mouth * mouth + losses.features * features
        return weight if self.noisy_sampling.mask == "input" else weight * (1 - hidden)

    def _spatial(
        self, z: Tensor, batch: TalkingHeadBatch, timestep_B: Tensor, ignored: Tensor | None
    ) -> Tensor:
        """L_spatial on one random frame of each clip, without the ignored cells (B, F, 1, h, w)."""
        clips = torch.arange(len(z), device=z.device)
        pick = torch.randint(z.shape[1], (len(z),), device=z.device)
        decoded = self.codec.decode(z[clips, pick], clip_latents.batch_portrait(self.codec, batch))
        truth = clip_latents.in_range(batch["frames"][clips, pick])
        weight_B = spatial_weight(timestep_B, self.noise.steps)
        hidden, factor = None, self.codec.factor
        if ignored is not None:
            hidden = ignored[clips, pick].repeat_interleave(factor, -1).repeat_interleave(factor, -2)
        return spatial_loss(decoded, truth, weight_B, self.perceptual, hidden)

    def on_train_epoch_start(self) -> None:
        keep_frozen_parts_still(self)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = self.optimizer(p for p in self.parameters() if p.requires_grad)
        return with_warm_cosine(
            optimizer, training_steps(self), self.warmup_steps, self.hold, self.least_rate
        )

    # -- generation

    @torch.no_grad()
    def base(self, picture_B3HW: Tensor, portrait_BCHW: Tensor, motion_BFM: Tensor | None) -> Tensor:
        """Latents (B, F or 1, C, h, w) of the portrait as the denoiser has them: moved with the head."""
        if motion_BFM is None or not (self.follow_head and clip_latents.tells_differences(self)):
            return portrait_BCHW[:, None]
        moved = warp_head(picture_B3HW.float() / 127.5 - 1, motion_BFM)
        return self.codec.encode(moved.flatten(0, 1).to(self.codec.dtype)).unflatten(0, moved.shape[:2])

    def to_residual(self, clip_BFCHW: Tensor, base_BFCHW: Tensor) -> Tensor:
        """Latents of a clip as the diffusion sees them."""
        return (clip_BFCHW - (base_BFCHW if clip_latents.tells_differences(self) else 0)) * self.latent_gain

    def from_residual(self, x_BFCHW: Tensor, base_BFCHW: Tensor) -> Tensor:
        """Inverse of `to_residual`."""
        return x_BFCHW / self.latent_gain + (base_BFCHW if clip_latents.tells_differences(self) else 0)

    def use_bfloat16(self) -> None:
        """Run the parts that take the time in bfloat16 from now on; what is computed once stays exact."""
        parts = (self.reference_net, self.denoiser, self.mixture)
        for part in parts if self.codec.relative else (self.codec, *parts):  # points need all digits
            part.to(torch.bfloat16)

    def animate(
        self,
        reference_3HW: Tensor,
        sound: Tensor | Iterator[Tensor],
        cue: EmotionCue,
        head_motion: generation.HeadMotion | None = None,
        steps: int = 4,
        seed: int = 0,
        audio_guidance: float = 1.0,
        emotion_guidance: float = 1.0,
        emotion_strength: float | None = None,
        first_chunk: int = 0,
        points: Tensor | None = None,
    ) -> Iterator[Tensor]:
        """Frames (f, 3, H, W) uint8, chunk by chunk, as many as the sound has; see `generation.animate`."""
        strength = self.emotion_strength if emotion_strength is None else emotion_strength
        options = generation.Options(steps, seed, audio_guidance, emotion_guidance, strength, first_chunk)
        return generation.animate(self, reference_3HW, sound, cue, head_motion, options, points)
