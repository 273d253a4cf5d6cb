"""Does a network trained on real faces see the truth of the 3-D world, and how fast is it drawn?

    python -m benchmarks.head_world --model face_landmarker.task

Each person shows random faces (`random_actions`) in random poses, and a neutral one. Printed: in how many
pictures MediaPipe finds the face, the distance of its points from ours, for each of the 52 actions the
correlation of its score with what was set, and how many frames a second one core draws.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from datamodules.facial_actions import FACIAL_ACTIONS
from datamodules.synthetic.head.acting.random_faces import random_actions
from datamodules.synthetic.head.renderer import Stage
from datamodules.synthetic.head.sampling import sample_person
from datamodules.synthetic.head.truth import mesh_points

ENOUGH = 0.7


def pictures(people, faces, size, randomisation):
    """For each person, neutral first: what was set (52,), the picture and our 478 points."""
    for seed in range(people):
        stage = Stage(sample_person(700_000 + seed, randomisation), size)
        rng = np.random.default_rng([seed, 5])
        actions = random_actions(rng, faces + 1)
        actions[0] = 0
        pose = (rng.normal(size=(faces + 1, 6)) * [0.1, 0.1, 0.07, 0.01, 0.01, 0.03]).astype(np.float32)
        picture = np.empty((3, size, size), np.uint8)
        for row, geometry in enumerate(stage.place(actions, pose)):
            stage.draw(geometry, actions[row], pose[row], picture)
            yield actions[row], picture, mesh_points(geometry, 2 * size)


def seen_by_mediapipe(model, people, faces, size, randomisation):
    """What was set, scores, scores less those of the person at rest (M, 52 each), distances (M, 478)."""
    import mediapipe as mp

    from datamodules.faces.landmarker import open_landmarker

    finder = open_landmarker(model, 1, 0.5)
    rows, scores, changes, errors = [], [], [], []
    rest = np.full(len(FACIAL_ACTIONS), np.nan)
    for number, (actions, picture, points) in enumerate(pictures(people, faces, size, randomisation)):
        image = np.ascontiguousarray(picture.transpose(1, 2, 0))
        result = finder.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=image))
        neutral = number % (faces + 1) == 0
        if not result.face_landmarks:
            rest = np.full(len(FACIAL_ACTIONS), np.nan) if neutral else rest
            continue
        named = {shape.category_name: shape.score for shape in result.face_blendshapes[0]}
        score = np.array([named.get(name, np.nan) for name in FACIAL_ACTIONS])
        theirs = np.array([[p.x, p.y] for p in result.face_landmarks[0]]) * size - 0.5
        errors.append(np.linalg.norm(theirs - points, axis=1) / np.linalg.norm(theirs[263] - theirs[33]))
        if neutral:
            rest = score
        else:
            rows.append(actions)
            scores.append(score)
            changes.append(score - rest)
    finder.close()
    return np.array(rows), np.array(scores), np.array(changes), np.array(errors)


def correlations(rows, scores):
    """Of each action with its score; nan where the network has none (it has no `tongueOut`)."""
    out = {}
    for column, name in enumerate(FACIAL_ACTIONS):
        a, b = rows[:, column], scores[:, column]
        known = np.isfinite(b)
        varied = known.any() and a[known].std() > 0 and b[known].std() > 0
        out[name] = float(np.corrcoef(a[known], b[known])[0, 1]) if varied else float("nan")
    return out


def speed(size, people, frames=48):
    """Frames a second of processor time, and seconds to make a person."""
    drawn, made = [], []
    rng = np.random.default_rng(0)
    for seed in range(people):
        start = time.process_time()
        stage = Stage(sample_person(800_000 + seed), size)
        made.append(time.process_time() - start)
        actions, pose = random_actions(rng, frames), (0.1 * rng.normal(size=(frames, 6))).astype(np.float32)
        picture = np.empty((3, size, size), np.uint8)
        start = time.process_time()
        for first in range(0, frames, 8):
            part = slice(first, first + 8)
            for geometry, a, p in zip(
                stage.place(actions[part], pose[part]), actions[part], pose[part], strict=True
            ):
                stage.draw(geometry, a, p, picture)
        drawn.append(frames / (time.process_time() - start))
    return drawn, made[1:]  # the first compiles


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, help="MediaPipe's face landmarker; without it only the speed is measured"
    )
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--faces", type=int, default=4, help="of each person, beside the neutral one")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--randomisation", type=float, default=0.0)
    parser.add_argument("--speed-people", type=int, default=6)
    options = parser.parse_args()
    if options.model:
        rows, scores, changes, errors = seen_by_mediapipe(
            options.model, options.people, options.faces, options.size, options.randomisation
        )
        print(f"found in {len(errors)} of {options.people * (options.faces + 1)} pictures")
        middle, high = 100 * np.quantile(errors, (0.5, 0.95))
        print(f"points: {middle:.1f} % of the eyes' outer distance in the median, 95 % within {high:.1f} %")
        plain, against_rest = correlations(rows, scores), correlations(rows, changes)
        print("correlation with what was set: of the score, and of its change from the person at rest")
        for name in FACIAL_ACTIONS:
            shown = int((rows[:, FACIAL_ACTIONS.index(name)] > 0).sum())
            print(f"  {name:20s} {plain[name]:6.2f} {against_rest[name]:6.2f}  shown {shown} times")
        for what, table in (("scores", plain), ("changes", against_rest)):
            print(f"{what}: {sum(value >= ENOUGH for value in table.values())} of 52 at {ENOUGH} or more")
    drawn, made = speed(options.size, options.speed_people)
    rates = ", ".join(f"{rate:.0f}" for rate in drawn)
    print(f"frames a second on one core at {options.size}: {rates}; median {np.median(drawn):.0f}")
    print(f"seconds to make a person: {np.median(made):.2f}")


if __name__ == "__main__":
    main()
