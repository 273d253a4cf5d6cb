"""Rows and videos of a look at a network in training, for every logger. F frame, H row, W column."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from torch import Tensor

from datamodules.batch import FPS
from moee.files import write_text

if TYPE_CHECKING:
    from evaluation.results.result import Result

ROWS, VIDEO = "score/clips", "score/true_beside_made"  # names in W&B and TensorBoard
Table = tuple[list[str], list[list[Any]]]


def log_samples(
    loggers: Sequence[Logger], folder: Path, result: "Result", tiles_F3HW: Tensor, step: int
) -> None:
    """Rows of the clips and a video of them to every logger; for CSV they are files in `folder`.

    Args:
        loggers: of the run.
        folder: where `step=<step>.mp4`, and with a CSV logger `step=<step>.csv`, go.
        result: has a row for each clip.
        tiles_F3HW: the video, uint8 RGB.
        step: of training.
    """
    from moee.generation.video_writer import write_video

    folder.mkdir(parents=True, exist_ok=True)
    video = write_video(folder / f"step={step:08d}.mp4", tiles_F3HW)
    columns, rows = table_of(result)
    for logger in loggers:
        if isinstance(logger, CSVLogger):
            write_text(video.with_suffix(".csv"), as_csv(columns, rows))
        if isinstance(logger, WandbLogger):
            logger.log_table(ROWS, columns, rows, step=step)
            logger.log_video(VIDEO, [str(video)], step=step)
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text(ROWS, as_markdown(columns, rows), step)
            _add_video(logger, tiles_F3HW, step)


def table_of(result: "Result") -> Table:
    """Columns and rows of the clips; None where a clip has no value."""
    names = sorted({name for row in result.rows for name in row.values})
    rows = [[row.key, row.label, row.problem, *map(row.values.get, names)] for row in result.rows]
    return ["key", "label", "problem", *names], rows


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """One line per clip; what has no value is an empty cell."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([columns, *rows])
    return stream.getvalue()


def as_markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The same as a Markdown table, numbers shortened."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else " ".join(str(value).replace("|", "\\|").split())


def as_gif(tiles_F3HW: Tensor) -> bytes:
    """An animation without end at 25 frames per second, of uint8 RGB pictures in 256 colours each."""
    from PIL import Image

    first, *more = [Image.fromarray(tile) for tile in tiles_F3HW.permute(0, 2, 3, 1).cpu().numpy()]
    stream = io.BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=more, duration=1000 // FPS, loop=0)
    return stream.getvalue()


def _add_video(logger: TensorBoardLogger, tiles_F3HW: Tensor, step: int) -> None:
    """An image summary that holds a GIF, as `add_video` makes it, which would want the package moviepy."""
    # generated code, whose names no type checker sees
    from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

    height, width = tiles_F3HW.shape[2:]
    picture = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=as_gif(tiles_F3HW))
    summary = Summary(value=[Summary.Value(tag=VIDEO, image=picture)])
    logger.experiment.file_writer.add_summary(summary, step)
