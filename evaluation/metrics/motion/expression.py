"""E-FID: how far generated expressions lie from true ones, as sets. N sample, D coefficient."""

from torch import Tensor

from evaluation.metrics.sets.distances import FrechetOfSets


class ExpressionOfSets(FrechetOfSets):
    """E-FID: Fréchet distance of raw expression coefficients, a sample a frame with a face, divided by N - 1.

    Introduced with EMO (Tian et al. 2024) without code; the name says whose coefficients these are.
    """

    title = "E-FID (3DDFA_V2)"
    name = "efid_3ddfa"
    needs = ("expression_3ddfa", "expression_3ddfa")
    width, ddof = 10, 1

    def samples(self, features_ND: Tensor) -> Tensor:
        """The frames with a face."""
        return features_ND[~features_ND.isnan().any(-1)]

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return super().clip_sums(self.samples(pred), self.samples(true))

    def update(self, pred: Tensor, true: Tensor) -> None:
        super().update(self.samples(pred), self.samples(true))


class CentredExpressionOfSets(ExpressionOfSets):
    """The same after each person's true mean is taken off both sides: who they are leaks into coefficients.

    A face that is wrong on average still counts, since the generated side's own mean is not taken off. In
    torchmetrics' `update` a call is a person.
    """

    title = "E-FID (3DDFA_V2, by person)"
    name = "efid_3ddfa_centred"

    def prepared(self, generated_ND: Tensor, true_ND: Tensor) -> tuple[Tensor, Tensor]:
        return centred(generated_ND, true_ND)

    def update(self, pred: Tensor, true: Tensor) -> None:
        super().update(*centred(self.samples(pred), self.samples(true)))


def centred(generated_ND: Tensor, true_ND: Tensor) -> tuple[Tensor, Tensor]:
    """Both less the mean of the true one, float64; unchanged where there is none."""
    if not len(true_ND):
        return generated_ND.double(), true_ND.double()
    mean_D = true_ND.double().mean(0)
    return generated_ND.double() - mean_D, true_ND.double() - mean_D
