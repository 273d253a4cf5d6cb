"""Where classes live now that older configurations and weights name by the module they lived in."""

from typing import Any

# Old module -> the module of the same classes now. No entry is ever taken out: weights may be of any age.
MOVED_MODULES = {
    "datamodules.synthetic_heads": "datamodules.loading.synthetic_heads",
    "datamodules.talking_heads": "datamodules.loading.talking_heads",
    "evaluation.extractors.embedded.sync_training": "evaluation.training.sync",
    "evaluation.extractors.sync_judge": "evaluation.extractors.embedded.sync_judge",
    "evaluation.extractors.sync_training": "evaluation.training.sync",
    "lightning_modules.codec_training": "lightning_modules.video.codec_training",
    "lightning_modules.emotion2vec": "lightning_modules.speech.emotion2vec",
    "lightning_modules.emotion_recognition": "lightning_modules.emotion.recognition",
    "lightning_modules.expert_mixture": "lightning_modules.emotion.experts",
    "lightning_modules.latent_codec": "lightning_modules.video.codecs",
    "lightning_modules.latent_generator": "lightning_modules.emotion.latents",
    "lightning_modules.muon": "lightning_modules.optim.muon",
    "lightning_modules.pooling": "lightning_modules.emotion.pooling",
    "lightning_modules.reference_net": "lightning_modules.video.reference_net",
    "lightning_modules.speech_encoders": "lightning_modules.emotion.speech",
    "lightning_modules.speech_features": "lightning_modules.speech.features",
    "lightning_modules.unet": "lightning_modules.video.unet",
}

_EMOTION = {
    "ActionUnitEncoder": "lightning_modules.emotion.action_units",
    "LabelEncoder": "lightning_modules.emotion.label",
    "SmallT5": "lightning_modules.emotion.text",
    "TextEncoder": "lightning_modules.emotion.text",
}
_VOICES = {
    "SyntheticCues": "datamodules.loading.synthetic_cues",
    "SyntheticVoices": "datamodules.loading.synthetic_voices",
    "UtteranceFolder": "datamodules.loading.utterances",
}
_IDENTITY = {
    "IdentityJudge": "evaluation.extractors.embedded.identity",
    "IdentityTraining": "evaluation.training.identity",
}
_JUDGE = {
    "Judge": "evaluation.extractors.embedded.judge",
    "JudgeTraining": "evaluation.training.judge",
}
# Old module whose classes have gone to several places, or in part -> class -> the module it is in now.
SPLIT_MODULES = {
    "datamodules.loading.voices": _VOICES,
    "datamodules.voices": _VOICES,
    "evaluation.extractors.embedded.identity": _IDENTITY,
    "evaluation.extractors.embedded.judge": _JUDGE,
    "evaluation.extractors.identity": _IDENTITY,
    "evaluation.extractors.judge": _JUDGE,
    "lightning_modules.emotion.encoders": _EMOTION,
    "lightning_modules.emotion_encoders": _EMOTION,
}


def present_name(class_path: str) -> str:
    """The dotted name a class has now, whatever it was called when a file was written."""
    module, _, name = class_path.rpartition(".")
    if not module:
        return class_path
    split = SPLIT_MODULES.get(module, {})
    return f"{split.get(name, MOVED_MODULES.get(module, module))}.{name}"


def with_present_names(config: Any) -> Any:
    """A copy of a tree of dicts and lists in which each `class_path` is the class's present name."""
    if isinstance(config, dict):
        return {
            key: present_name(value)
            if key == "class_path" and isinstance(value, str)
            else with_present_names(value)
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [with_present_names(item) for item in config]
    return config
