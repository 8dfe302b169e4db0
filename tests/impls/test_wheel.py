"""The wheel holds the library and the command alone, and works beside a project that has its own `data` and `lm`."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mergelab
from tests.support import ROOT

MINE = "Somebody's own package."

USE = """
import data, impls, lm, mergelab
from mergelab import Tokenizer, train_bpe

assert (data.__doc__, lm.__doc__) == ("Somebody's own package.",) * 2
assert __import__("os").path.dirname(mergelab.__file__) != __import__("os").getcwd()
vocab, merges = train_bpe("text.txt", 262, ["<|endoftext|>"])
ids = Tokenizer(vocab, merges, ["<|endoftext|>"]).encode("low lower<|endoftext|>")
assert Tokenizer.load("tok").encode("low lower<|endoftext|>") == ids
print(mergelab.__version__, *ids)
"""


def done(*words: str, folder: Path, **environment: str) -> str:
    """Run a command; return what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    ran = subprocess.run(
        words, cwd=folder, env={**clean, **environment}, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network from a copy of the files that it is made of."""
    for package in ("pip", "setuptools"):
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{package} is not installed here, and a wheel is built with it")
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    ignored = shutil.ignore_patterns("__pycache__", ".*", "records", "captures", "latest", "cases")
    for package in ("impls", "data", "lm", "bench", "profiles", "reports", "tests"):
        shutil.copytree(ROOT / package, tree / package, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "mergelab.py", "noxfile.py"):
        shutil.copy(ROOT / name, tree)
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), ".")
    done(sys.executable, *build, folder=tree)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a clean environment with the wheel; numba, numpy and regex are those of this environment."""
    folder = tmp_path_factory.mktemp("clean")
    done(sys.executable, "-m", "venv", "--without-pip", str(folder), folder=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    target = ("--python", str(folder / "bin" / "python"), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    done(sys.executable, "-m", "pip", *target, folder=folder)
    # A folder named in a .pth is searched after the environment's own, and .pth files in it have no effect. Thus an
    # editable installation of mergelab is not seen.
    theirs = {
        str(Path(importlib.metadata.distribution(name).locate_file(""))) for name in ("numpy", "numba", "regex")
    }
    (site / "dependencies.pth").write_text("\n".join(sorted(theirs)))
    return folder / "bin"


@pytest.mark.slow
def test_the_wheel_holds_the_library_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    folders = {name.split("/")[0] for name in names}
    assert folders == {"mergelab.py", "impls", f"mergelab-{mergelab.__version__}.dist-info"}
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "impls").rglob("*.py")}
    assert ours | {"impls/py.typed"} == {name for name in names if name.startswith("impls/")}


@pytest.mark.slow
def test_the_library_and_the_command_work_beside_other_peoples_packages(environment: Path, tmp_path: Path) -> None:
    for package in ("data", "lm"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f'"""{MINE}"""\n')
    (tmp_path / "text.txt").write_text("low low lower lowest<|endoftext|>" * 20)
    (tmp_path / "use.py").write_text(USE)
    python, command = str(environment / "python"), str(environment / "mergelab")
    cache = {"MERGELAB_CACHE": str(tmp_path / "cache")}
    train = ("train", "text.txt", "--vocab-size", "262", "--special-token", "<|endoftext|>", "--out", "tok")
    done(command, *train, folder=tmp_path, **cache)
    assert done(command, "--version", folder=tmp_path) == f"{mergelab.__version__}\n"
    assert done(command, "--help", folder=tmp_path).startswith("usage: mergelab [-h] ")
    done(command, "encode", "tok", "text.txt", "--out", "ids.npy", folder=tmp_path, **cache)
    assert (
        done(python, "-m", "mergelab", "decode", "tok", "ids.npy", folder=tmp_path)
        == (tmp_path / "text.txt").read_text()
    )
    version, *ids = done(python, "use.py", folder=tmp_path, **cache).split()
    assert version == mergelab.__version__
    assert len(ids) > 2
    assert done(python, "-c", "import data, lm; print(data.__doc__)", folder=tmp_path) == f"{MINE}\n"


@pytest.mark.slow
@pytest.mark.parametrize("package", ["data", "lm", "bench", "profiles", "reports", "tests"])
def test_the_lab_is_not_installed(package: str, environment: Path, tmp_path: Path) -> None:
    code = f"import importlib.util; print(importlib.util.find_spec({package!r}))"
    assert done(str(environment / "python"), "-c", code, folder=tmp_path) == "None\n"
