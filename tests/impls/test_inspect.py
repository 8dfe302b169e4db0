"""`inspect` and `compare` from outside: what they print, JSON, pages, and one line for whatever is wrong."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from impls import Tokenizer
from impls.__main__ import main
from impls.inputs.file import TextFile
from impls.inspection.blocks import Plot
from impls.inspection.figures import speed
from impls.inspection.figures.text import text_figures
from impls.inspection.figures.usage import usage_figures
from impls.inspection.figures.vocabulary import vocabulary_figures
from impls.inspection.pages.html import page
from impls.inspection.pages.plain import plain
from impls.inspection.pages.plot import even_ticks
from impls.inspection.words.forms import token_text
from tests.support.commands import COMMAND, ENVIRONMENT, Capture, assert_fails
from tests.support.tokenizers import BYTES

pytestmark = pytest.mark.usefixtures("home")

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def home(tokenizer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to work in, with a tokenizer whose table of tokens can be written down here."""
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    merges = [(b"l", b"o"), (b"lo", b"w"), (b" ", b"low"), (b"\xf0", b"\x9f")]
    made = {300 + i: left + right for i, (left, right) in enumerate(merges)}
    Tokenizer(BYTES | made, merges, [HOSTILE, "&\x1b[31m"]).save("low")
    return tokenizer_home


def printed(capsys: Capture, *arguments: str) -> str:
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def test_a_text(capsys: Capture) -> None:
    rule = "-" * 70
    assert printed(capsys, "inspect", "low", "low low🙃\n\x1b").splitlines() == [
        "Text",
        "7 tokens, 10 characters, 13 bytes; 1.86 bytes per token",
        "",
        "Tokenization breakdown:",
        rule,
        "Token ID   Token                Bytes        Byte span  Character span",
        rule,
        "301        low                  6c 6f 77     0..3       0..3",
        "302         low                 20 6c 6f 77  3..7       3..7",
        r"303        \xf0\x9f             f0 9f        7..9       7..8",
        r"153        \x99                 99           9..10      7..8",
        r"131        \x83                 83           10..11     7..8",
        r"10         \n                   0a           11..12     8..9",
        r"27         \x1b                 1b           12..13     9..10",
        rule,
        "",
        "Token boundaries:",
        r"[low][ low][\xf0\x9f][\x99][\x83][\n][\x1b]",
    ]


def test_a_token(capsys: Capture) -> None:
    expected = [
        "Token 302: ' low'",
        "bytes: 20 6c 6f 77 (4 bytes)",
        "made by the merge of rank 2: 32 + 301",
        "used as a part by 0 merges",
        "",
        "Merges that make the token:",
        "' low'  id 302, rank 2",
        "├── ' '  id 32",
        "└── 'low'  id 301, rank 1",
        "    ├── 'lo'  id 300, rank 0",
        "    │   ├── 'l'  id 108",
        "    │   └── 'o'  id 111",
        "    └── 'w'  id 119",
    ]
    assert printed(capsys, "inspect", "low", "--token", " low").splitlines() == expected
    assert printed(capsys, "inspect", "low", "--id", "302").splitlines() == expected
    assert "a special token" in printed(capsys, "inspect", "low", "--token", HOSTILE)
    assert "a single byte" in printed(capsys, "inspect", "low", "--id", "10")


def test_a_vocabulary(capsys: Capture) -> None:
    shown = printed(capsys, "inspect", "low")
    for line in (
        "262 tokens: 260 of text, 2 special",
        "4 merges, split pattern gpt2",
        "2 begin with a space, 129 are no whole characters",
        "1.03 bytes per token; the longest is ' low': 4",
        "ids are below 306 and take uint16 on disk",
        "Tokens that no text gives (13):",
        r"     305  '&\x1b[31m'",
        "27 tokens repeat another one, up to case or one leading space: 10.4 % of the tokens of text",
    ):
        assert line in shown.splitlines()
    assert "\x1b" not in shown


def test_a_file(capsys: Capture) -> None:
    shown = printed(capsys, "inspect", "low", "--file", "text.txt").splitlines()
    found = usage_figures(Tokenizer.load("low"), TextFile.open("text.txt"))
    assert shown[:2] == [
        "Tokenizer on text.txt",
        f"{found.n_tokens} tokens, {found.n_words} words, {found.n_characters} characters, {found.n_bytes} bytes",
    ]
    assert (
        f"{found.bytes_per_token:.2f} bytes per token, {found.characters_per_token:.2f} characters per token" in shown
    )
    assert f"fertility {found.fertility:.2f}, Renyi efficiency {found.renyi_efficiency:.2f}" in shown


def test_a_comparison(capsys: Capture) -> None:
    Tokenizer(BYTES, []).save("bytes")
    lines = printed(capsys, "compare", "low", "tok", "bytes", "--on", "text.txt").splitlines()
    assert lines[0] == "3 tokenizers on text.txt"
    rows = {line.split()[0]: line.split() for line in lines[4:7]}
    for name in ("low", "tok", "bytes"):
        usage = usage_figures(Tokenizer.load(name), TextFile.open("text.txt"))
        assert rows[name][2:5] == [str(usage.n_tokens), *(
            f"{number:.2f}" for number in (usage.bytes_per_token, usage.characters_per_token)
        )]  # fmt: skip
    assert any(re.fullmatch(r"low    tok +\d+ +[\d.]+ % +[\d.]+ %", line) for line in lines)
    assert any(line.startswith("bytes, ") and line.endswith(" tokens:") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "figures"),
    [
        (["inspect", "low", "low 🙃"], lambda ours: text_figures(ours, "low 🙃")),
        (["inspect", "low", "--file", "text.txt"], lambda ours: usage_figures(ours, TextFile.open("text.txt"))),
        (["inspect", "low"], vocabulary_figures),
    ],
)
def test_json_has_all_figures(arguments: list[str], figures: Callable[[Tokenizer], object], capsys: Capture) -> None:
    found = json.loads(printed(capsys, *arguments, "--json"))
    assert found == json.loads(json.dumps(plain(figures(Tokenizer.load("low")))))


def test_json_of_a_comparison(capsys: Capture) -> None:
    found = json.loads(printed(capsys, "compare", "low", "tok", "--on", "text.txt", "--json"))
    assert [row["name"] for row in found["tokenizers"]] == ["low", "tok"]
    assert found["tokenizers"][0]["speed"]["n_rounds"] >= speed.LEAST_ROUNDS
    first = found["disagreements"][0]
    for tokens in first["tokens"]:
        assert bytes.fromhex("".join(token["hex"] for token in tokens)).decode() == first["text"]


class Reader(HTMLParser):
    """Reads a page: its text, its tags, and everything that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.tags, self.open = "", set[str](), list[str]()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [f"{name}={value}" for name, value in attrs if name in ("src", "href", "data", "onload")]
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def read_page(path: str) -> Reader:
    content = Path(path).read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|https?:", content)
    reader = Reader()
    reader.feed(content)
    assert (reader.open, reader.fetched) == ([], [])
    assert "script" not in reader.tags
    return reader


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "low", f"low {HOSTILE} \x1b"],
        ["inspect", "low", "--token", HOSTILE],
        ["inspect", "low", "--file", "text.txt"],
        ["inspect", "low"],
        ["compare", "low", "tok", "--on", "text.txt"],
    ],
)
def test_pages_are_whole_and_escape_everything(arguments: list[str], capsys: Capture) -> None:
    assert printed(capsys, *arguments, "--html", "out.html") == "out.html: written\n"
    reader = read_page("out.html")
    assert ("svg" in reader.tags) == (arguments[0] == "compare")
    if HOSTILE in arguments[-1] or len(arguments) == 2:
        assert HOSTILE in reader.words
    assert "\x1b" not in reader.words


def test_a_plot_of_one_point_or_equal_points() -> None:
    for points in ([("a", 300, 2.0)], [("a", 300, 2.0), ("b<", 300, 2.0)], [("a", 300, 2.0), ("b", 300_000, 5.0)]):
        content = page("plot", [Plot("title", "x", "y", points)], "")
        assert content.count("<circle") == len(points)
        assert "nan" not in content
    assert even_ticks(0.0, 10.0) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_what_exists_is_replaced_only_if_it_is_ours_and_wanted(home: Path, capsys: Capture) -> None:
    printed(capsys, "inspect", "low", "--html", "ours.html")
    Path("foreign.html").write_text("<html>")
    Path("link.html").symlink_to("ours.html")
    ours = ["inspect", "low", "a", "--html"]
    assert_fails([*ours, "ours.html"], 1, r"ours\.html: exists.*--force", home, capsys)
    for other in ("foreign.html", "link.html", "folder"):
        assert_fails([*ours, other, "--force"], 1, f"{other}: exists, and mergelab did not", home, capsys)
    before = Path("ours.html").read_bytes()
    printed(capsys, *ours, "ours.html", "--force")
    assert Path("ours.html").read_bytes() != before


BAD = [
    (["inspect", "low", ""], 2, "text: is empty"),
    (["inspect", "low", "a", "--id", "5"], 2, "TEXT and --id"),
    (["inspect", "low", "--id", "5", "--token", "a"], 2, "--token and --id"),
    (["inspect", "low", "--id", "299"], 2, "id: 299 is not an id"),
    (["inspect", "low", "--id", "-1"], 2, "id: -1 is not an id"),
    (["inspect", "low", "--token", "lowest"], 2, "'lowest' is not a token of low"),
    (["inspect", "low", "--token", ""], 2, "'' is not a token"),
    (["inspect", "low", "a\ud800"], 2, "lone surrogate"),
    (["inspect", "nowhere"], 1, "nowhere"),
    (["inspect", "third"], 1, "third"),
    (["inspect", "small", "low"], 2, "byte 0x77"),
    (["inspect", "low", "--file", "bad.txt"], 1, "bad.txt: invalid UTF-8 at byte 8"),
    (["inspect", "low", "--file", "empty.txt"], 1, "empty.txt: the file is empty"),
    (["inspect", "low", "--file", "nope.txt"], 1, "nope.txt"),
    (["inspect", "small", "--file", "text.txt"], 1, "small: text.txt: .*byte 0x77"),
    (["inspect", "low", "--html", "no/out.html"], 1, "no/out.html: there is no folder no"),
    (["inspect", "low", "--file", "text.txt", "--html", "text.txt"], 1, "same file as the input"),
    (["compare", "low", "--on", "text.txt"], 2, "two or more"),
    (["compare", "low", "low", "--on", "text.txt"], 2, "different"),
    (["compare", "low", "tok"], 2, "--on"),
    (["compare", "low", "third", "--on", "text.txt"], 1, "third"),
    (["compare", "low", "nowhere", "tok", "--on", "text.txt"], 1, "nowhere"),
    (["compare", "low", "small", "--on", "text.txt"], 1, "small: text.txt: .*byte 0x77"),
    (["compare", "low", "tok", "--on", "bad.txt"], 1, "bad.txt: invalid UTF-8 at byte 8"),
    (["compare", "low", "tok", "--on", "empty.txt"], 1, "empty.txt: the file is empty"),
]


@pytest.mark.parametrize(("arguments", "status", "names"), BAD)
def test_what_is_wrong_is_told_in_one_line(
    arguments: list[str], status: int, names: str, home: Path, capsys: Capture
) -> None:
    assert_fails(arguments, status, names, home, capsys)


def test_invalid_bytes_can_be_replaced(capsys: Capture) -> None:
    assert "15 bytes" in printed(capsys, "inspect", "low", "--file", "bad.txt", "--errors", "replace")


@pytest.mark.slow
@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_gets_colours_unless_they_are_not_wanted(variables: dict[str, str], home: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**ENVIRONMENT, "TERM": "xterm", **variables}
    environment.pop("NO_COLOR", None) if "NO_COLOR" not in variables else None
    subprocess.run([*COMMAND, "inspect", "low", "low low"], cwd=home, env=environment, stdout=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert ("\x1b[30;44m[low]\x1b[0m\x1b[30;42m[ low]\x1b[0m" in shown) == (not variables)
    assert ("[low][ low]" in shown) == bool(variables)


@pytest.mark.slow
def test_a_terminal_without_unicode_shows_escapes(home: Path) -> None:
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "impls", "inspect", "tok", "é —"], cwd=home, env=environment, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\xe9" in done.stdout or rb"\xc3" in done.stdout


def test_unprintable_characters_are_escaped() -> None:
    assert token_text("a\u202eb\u200d\n\x1b🙃".encode() + b"\xff") == r"a\u202eb\u200d\n\x1b🙃\xff"
