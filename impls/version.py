"""The version of mergelab, which only `pyproject.toml` holds."""

from __future__ import annotations

from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def version() -> str:
    """Return the version: in a checkout, from `pyproject.toml`; else from what pip noted at the installation.

    Code that was copied without pip's notes has the version "unknown".
    """
    if _PROJECT.is_file():
        import tomllib

        project = tomllib.loads(_PROJECT.read_text()).get("project", {})
        if project.get("name") == "mergelab":
            return str(project["version"])
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("mergelab")
    except PackageNotFoundError:
        return "unknown"
