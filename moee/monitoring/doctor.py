"""What works on this machine, and how to mend the rest. Quick checks import nothing heavy."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moee.installed import package_version
from moee.weights import registry
from moee.weights.face_finder import finder_file

# The floors of pyproject.toml that have a reason beyond "tested with".
FLOORS = {
    "lightning": ((2, 6, 6), "older versions run code from checkpoints (CVE-2026-58659)"),
    "torch": ((2, 10), "older versions run code from checkpoints (CVE-2026-24747)"),
    "jsonargparse": ((4, 53), "older versions have no import allowlist"),
    "transformers": ((5,), "older versions lack what the encoders call"),
}
NEEDED = (
    *("lightning", "torch", "torchvision", "torchmetrics", "wandb", "webdataset", "lpips", "face-alignment"),
    *(
        "omegaconf",
        "jsonargparse",
        "diffusers",
        "transformers",
        "timm",
        "safetensors",
        "av",
        "h5py",
        "mediapipe",
        "optuna",
        "rich",
    ),
)
OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
CODECS = (("h264", "video"), ("aac", "sound"))
DISK_WANTED_GB = 5
PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Args:
        state: `ok`, `warn` or `FAIL`.
        what: was looked at, and how it is.
        fix: what to do; empty where all is well.
    """

    state: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.state:4}  {self.what}" + (f"\n      fix: {self.fix}" if self.fix else "")


def ok(what: str) -> Finding:
    """All is well."""
    return Finding("ok", what)


def warning(what: str, fix: str) -> Finding:
    """Something is left out or slower."""
    return Finding("warn", what, fix)


def failure(what: str, fix: str) -> Finding:
    """Something needed does not work."""
    return Finding("FAIL", what, fix)


def examine(root: Path = Path("."), quick: bool = False) -> Iterator[Finding]:
    """Every finding about this machine, one after the other.

    Args:
        root: folder that runs go to.
        quick: leave out what needs torch or PyAV.
    """
    yield from check_python()
    yield from check_packages()
    yield from check_conflicts()
    yield from check_weights()
    yield from check_face_finder()
    yield from check_disk(root)
    if not quick:
        yield from check_torch()
        yield from check_codecs()


def check_python() -> Iterator[Finding]:
    """The interpreter and the machine."""
    what = f"Python {platform.python_version()} on {platform.platform()}"
    yield ok(what) if _numbers(platform.python_version()) >= PYTHON else failure(what, "install Python 3.11")
    threads = os.environ.get("MOEE_THREADS") or os.environ.get("OMP_NUM_THREADS") or "one for each core"
    yield ok(f"{os.cpu_count()} cores, threads: {threads} (MOEE_THREADS changes it)")


def check_packages() -> Iterator[Finding]:
    """Every package that is needed, and the floors that matter."""
    missing = [name for name in NEEDED if package_version(name) is None]
    if missing:
        yield failure(f"not installed: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    old = False
    for name, (floor, reason) in FLOORS.items():
        installed = package_version(name)
        if installed and _numbers(installed) < floor:
            old = True
            wanted = ".".join(map(str, floor))
            yield failure(
                f"{name} {installed}, but {wanted} is needed: {reason}", f"pip install '{name}>={wanted}'"
            )
    if not missing and not old:
        yield ok("packages: " + ", ".join(f"{name} {package_version(name)}" for name in NEEDED))


def check_conflicts() -> Iterator[Finding]:
    """Packages that break others."""
    torchaudio = package_version("torchaudio")
    if torchaudio:
        yield failure(
            "torchaudio is installed; transformers imports it, and it fails beside a newer torch",
            "pip uninstall torchaudio (nothing here needs it)",
        )
    copies = {name: version for name in OPENCV if (version := package_version(name))}
    if len(set(copies.values())) > 1:  # of one version they write the same files
        listed = ", ".join(f"{name} {version}" for name, version in copies.items())
        newest = max(copies.values(), key=_numbers)
        yield failure(
            f"several OpenCV packages of different versions write into one folder: {listed}",
            "pip install --force-reinstall --no-deps " + " ".join(f"{name}=={newest}" for name in copies),
        )
    elif not torchaudio:
        yield ok("no packages that get in each other's way")


def check_weights() -> Iterator[Finding]:
    """Every network of the registry."""
    for network in registry.networks():
        try:
            yield ok(f"weights: {network.name} at {registry.find(network.name)}")
        except FileNotFoundError:
            if network.address is None:
                yield failure(f"weights: {network.name} is missing", "install moee-suite again")
            else:
                yield warning(
                    f"weights: {network.name} is not here, needed for {network.purpose}",
                    f"{network.how}, or name its folder in MOEE_WEIGHTS",
                )
        except ValueError as error:
            yield failure(f"weights: {error}", "delete that file")


def check_face_finder() -> Iterator[Finding]:
    """Who finds faces in pictures and recordings."""
    try:
        file = finder_file()
    except (FileNotFoundError, ValueError):
        return  # `check_weights` has said it
    if file.suffix == ".task":
        yield ok("faces are found by MediaPipe's landmarker")
    else:
        yield ok(
            "faces are found by the finder that ships (MediaPipe's, if fetched, also measures action units)"
        )


def check_disk(root: Path) -> Iterator[Finding]:
    """Room and permission to write where runs, weights and temporary files go."""
    for place in (root, registry.cache_folder(), Path(tempfile.gettempdir())):
        existing = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.is_dir())
        try:
            with tempfile.TemporaryFile(dir=existing):
                free_gb = shutil.disk_usage(existing).free / 1e9
        except OSError as error:
            yield failure(
                f"{existing} cannot be written: {error.strerror}", "use another folder or change its owner"
            )
            continue
        what = f"{existing}: {free_gb:.1f} GB free"
        if free_gb < DISK_WANTED_GB:
            yield warning(what, f"free some: checkpoints and clips want {DISK_WANTED_GB} GB")
        else:
            yield ok(what)


def check_torch() -> Iterator[Finding]:
    """Threads, devices, and whether the processor computes in bfloat16."""
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    yield ok(f"torch {torch.__version__}: {torch.get_num_threads()} threads, {capability}")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            yield ok(f"GPU {index}: {properties.name}, {properties.total_memory / 1e9:.0f} GB")
    else:
        yield ok("no GPU: the embedded size trains and runs on the processor")


def check_codecs() -> Iterator[Finding]:
    """What is needed to read and write videos."""
    import av
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    for name, kind in CODECS:
        for mode in ("r", "w"):
            doing = "decoding" if mode == "r" else "encoding"
            try:
                Codec(name, mode)
            except UnknownCodecError:
                yield failure(
                    f"PyAV {av.__version__}: no {doing} of {kind} ({name})",
                    "pip install --force-reinstall av",
                )
            else:
                yield ok(f"PyAV {av.__version__}: {doing} of {kind} ({name})")


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: `2.14.1+cpu` is (2, 14, 1)."""
    parts = version.partition("+")[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())
