"""The data: corpora, shards, preparation and the synthetic world. Imports nothing of ours."""

from datamodules.synthetic_heads import SyntheticHeads
from datamodules.talking_heads import TalkingHeadShards
from datamodules.voices import SyntheticCues, SyntheticVoices, UtteranceFolder

__all__ = ["SyntheticCues", "SyntheticHeads", "SyntheticVoices", "TalkingHeadShards", "UtteranceFolder"]
