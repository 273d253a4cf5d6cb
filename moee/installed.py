"""Versions of what is installed."""

from importlib.metadata import PackageNotFoundError, version


def package_version(name: str) -> str | None:
    """Installed version of a distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def suite_version() -> str:
    """The version of this suite, as help texts and records of videos print it."""
    return package_version("moee-suite") or "(not installed)"
