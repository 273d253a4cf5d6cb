"""The data: corpora, shards, preparation and the synthetic world. Imports nothing of ours."""

from datamodules.loading.faces.synthetic_faces import SyntheticFaces
from datamodules.loading.synthetic_cues import SyntheticCues
from datamodules.loading.synthetic_heads import SyntheticHeads
from datamodules.loading.synthetic_voices import SyntheticVoices
from datamodules.loading.talking_heads import TalkingHeadShards
from datamodules.loading.utterances import UtteranceFolder

__all__ = [
    "SyntheticCues",
    "SyntheticFaces",
    "SyntheticHeads",
    "SyntheticVoices",
    "TalkingHeadShards",
    "UtteranceFolder",
]
