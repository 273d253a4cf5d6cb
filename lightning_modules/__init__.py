"""The model: one file per idea of the paper. The names here are the `class_path`s of the YAML files."""

from lightning_modules.codec_training import CodecTraining
from lightning_modules.emotion_encoders import ActionUnitEncoder, LabelEncoder, TextEncoder
from lightning_modules.emotion_recognition import EmotionRecognition, SpeechFeatureTraining
from lightning_modules.expert_mixture import EmotionExperts
from lightning_modules.latent_codec import AutoencoderCodec, PatchCodec
from lightning_modules.latent_generator import EmotionToLatents
from lightning_modules.reference_net import ReferenceNet
from lightning_modules.speech_encoders import SpeechEmotionEncoder
from lightning_modules.speech_features import MelSpeechFeatures, Wav2Vec2SpeechFeatures
from lightning_modules.talking_head import TalkingHead
from lightning_modules.unet import VideoUNet

__all__ = [
    "ActionUnitEncoder",
    "AutoencoderCodec",
    "CodecTraining",
    "EmotionExperts",
    "EmotionRecognition",
    "EmotionToLatents",
    "LabelEncoder",
    "MelSpeechFeatures",
    "PatchCodec",
    "ReferenceNet",
    "SpeechEmotionEncoder",
    "SpeechFeatureTraining",
    "TalkingHead",
    "TextEncoder",
    "VideoUNet",
    "Wav2Vec2SpeechFeatures",
]
