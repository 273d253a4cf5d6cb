"""`moee doctor`: what works on this machine, and how to mend the rest. Quick checks import nothing heavy."""

import argparse
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from moee.console import say
from moee.experiments.run_directory import package_version
from moee.weights import registry

DESCRIPTION = """What works on this machine, line by line: ok, warn or FAIL, and how to mend it.

The exit status is 1 if a line says FAIL.
"""
EXAMPLES = """\
examples:
  moee doctor
  moee doctor --quick
"""
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
    """One line of the report; `fix` says what to do unless all is well."""

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee doctor`."""
    parser.add_argument("--quick", action="store_true", help="leave out what needs torch or PyAV")
    parser.add_argument("--root", type=Path, default=Path("."), help="folder that runs go to (default: here)")


def run(args: argparse.Namespace) -> int:
    """`moee doctor`: prints every finding; 1 if anything failed."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        check_python,
        check_packages,
        check_conflicts,
        check_weights,
        lambda: check_disk(args.root),
    ]
    if not args.quick:
        checks += [check_torch, check_codecs]
    failed = warned = 0
    for check in checks:
        for finding in check():
            say(str(finding))
            failed += finding.state == "FAIL"
            warned += finding.state == "warn"
    say(f"{failed} failed, {warned} warned")
    return 1 if failed else 0


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
        found = package_version(name)
        if found and _numbers(found) < floor:
            old = True
            wanted = ".".join(map(str, floor))
            yield failure(
                f"{name} {found}, but {wanted} is needed: {reason}", f"pip install '{name}>={wanted}'"
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
    copies = {name: found for name in OPENCV if (found := package_version(name))}
    if len(set(copies.values())) > 1:  # of one version they write the same files
        listed = ", ".join(f"{name} {found}" for name, found in copies.items())
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
