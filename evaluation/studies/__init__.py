"""Questions that no single number answers, asked of measured tracks: dose and response, leaks, drift."""

from evaluation.studies.disentanglement import Clip, Disentanglement, disentanglement
from evaluation.studies.dose_response import DoseResponse, dose_response
from evaluation.studies.drift import Drift, drift

__all__ = [
    "Clip",
    "Disentanglement",
    "DoseResponse",
    "Drift",
    "disentanglement",
    "dose_response",
    "drift",
]
