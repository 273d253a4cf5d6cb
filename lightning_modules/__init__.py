"""The model: one file per idea of the paper. The names here are the `class_path`s of the YAML files."""

from lightning_modules.emotion.action_units import ActionUnitEncoder
from lightning_modules.emotion.experts import EmotionExperts
from lightning_modules.emotion.label import LabelEncoder, RegionalLabelEncoder
from lightning_modules.emotion.latents import EmotionToLatents
from lightning_modules.emotion.recognition import EmotionRecognition, SpeechFeatureTraining
from lightning_modules.emotion.speech import SpeechEmotionEncoder
from lightning_modules.emotion.text import TextEncoder
from lightning_modules.emotion.wording import WordingEncoder
from lightning_modules.faces.finder_training import FaceFinderTraining
from lightning_modules.optim.muon import Muon
from lightning_modules.speech.features import MelSpeechFeatures, Wav2Vec2SpeechFeatures
from lightning_modules.talking_head import TalkingHead
from lightning_modules.video.codec_training import CodecTraining
from lightning_modules.video.codecs import AutoencoderCodec, PatchCodec
from lightning_modules.video.perceptual import LpipsDistance
from lightning_modules.video.portrait_codec import PortraitCodec
from lightning_modules.video.portrait_codec_training import PortraitCodecTraining
from lightning_modules.video.reference_net import ReferenceNet
from lightning_modules.video.unet import VideoUNet

__all__ = [
    "ActionUnitEncoder",
    "AutoencoderCodec",
    "CodecTraining",
    "EmotionExperts",
    "EmotionRecognition",
    "EmotionToLatents",
    "FaceFinderTraining",
    "LabelEncoder",
    "LpipsDistance",
    "MelSpeechFeatures",
    "Muon",
    "PatchCodec",
    "PortraitCodec",
    "PortraitCodecTraining",
    "ReferenceNet",
    "RegionalLabelEncoder",
    "SpeechEmotionEncoder",
    "SpeechFeatureTraining",
    "TalkingHead",
    "TextEncoder",
    "VideoUNet",
    "Wav2Vec2SpeechFeatures",
    "WordingEncoder",
]
