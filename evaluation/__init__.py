"""The judge: metrics, extractors, protocols, results and the leaderboard. Imports the contract and itself."""

from evaluation.extractors.embedded.identity import IdentityTraining
from evaluation.extractors.embedded.judge import JudgeTraining
from evaluation.extractors.embedded.sync_training import SyncTraining

__all__ = ["IdentityTraining", "JudgeTraining", "SyncTraining"]
