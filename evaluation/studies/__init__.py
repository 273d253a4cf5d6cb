"""Questions that no single number answers: dose and response, leaks, drift, whose work an expression is."""

from evaluation.studies.disentanglement import Clip, Disentanglement, disentanglement
from evaluation.studies.dose_response import DoseResponse, dose_response
from evaluation.studies.drift import Drift, drift
from evaluation.studies.expert_attribution import (
    Cell,
    ExpertAttribution,
    KnockOut,
    expert_attribution,
    mean_cell,
    mean_gates,
)

__all__ = [
    "Cell",
    "Clip",
    "Disentanglement",
    "DoseResponse",
    "Drift",
    "ExpertAttribution",
    "KnockOut",
    "disentanglement",
    "dose_response",
    "drift",
    "expert_attribution",
    "mean_cell",
    "mean_gates",
]
