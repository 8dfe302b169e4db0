"""The sources of a revision, and of the working tree, in folders of their own."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from bench.child import ROOT, last_line
from impls import MergelabError, UsageError
from impls.errors import shown

SOURCES = "impls"
"""The folder that is measured."""


class GitError(MergelabError):
    """Git refused; the message is its last line."""


def git(*words: str) -> bytes:
    """Run git in the project's folder and return its output.

    Raises:
        GitError: it failed.
        MergelabError: it is not installed.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise MergelabError(f"git: {error.strerror}; install git, which reads the base") from None
    if done.returncode:
        raise GitError(last_line(done.stderr.decode(errors="replace")))
    return done.stdout


def commit_of(revision: str) -> str:
    """Return the commit, 40 hex digits, of a branch, tag or commit.

    Raises:
        MergelabError: git is not installed, or the project is no git checkout.
        UsageError: there is no such revision.
    """
    try:
        top = Path(git("rev-parse", "--show-toplevel").decode().rstrip("\n"))
    except GitError as error:
        raise MergelabError(f"{ROOT}: no git checkout ({error}); compare in a clone of the repository") from None
    if top.resolve() != ROOT.resolve():
        raise MergelabError(f"{ROOT}: no git checkout of its own, it lies in {top}; compare in a clone")
    try:
        return (
            git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().split()[-1]
        )
    except GitError:
        names = git("for-each-ref", "--count=5", "--format=%(refname:short)", "refs/heads", "refs/tags").decode()
        known = ", ".join(["HEAD", *names.split()])
        raise UsageError(f"--base: no revision {shown(revision)}; give a commit, or one of {known}") from None


def check_out(commit: str, folder: Path) -> Path:
    """Write the sources of a commit below `folder`, which must not exist; returns `folder`.

    Raises:
        MergelabError: the commit has no sources to measure.
    """
    try:
        archive = git("archive", "--format=tar", commit, SOURCES)
    except GitError as error:
        raise MergelabError(f"--base {commit[:12]}: {error}; give a revision that has the folder {SOURCES}") from None
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def copy_working_tree(folder: Path) -> Path:
    """Copy the sources of the working tree below `folder`, which must not exist; returns `folder`.

    A copy does not change while it is measured, and its path is as long as the path of the base.
    """
    shutil.copytree(ROOT / SOURCES, folder / SOURCES, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
