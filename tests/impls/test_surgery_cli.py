"""`train --sizes` and `--continue`, `extend` and `prune` from outside: what they write, and what they refuse."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path

import pytest

from impls import Definition, Tokenizer
from impls.__main__ import main
from impls.formats import mergelab
from impls.pipeline import train
from impls.surgery.extend import extend
from impls.surgery.prune import prune
from tests.support.commands import Capture, assert_fails


@pytest.fixture
def home(tokenizer_home: Path) -> Path:
    """The folder to work in: `tok` has 270 tokens, with the special token `<s>`."""
    (tokenizer_home / "tokens.txt").write_text("newe\r\nlowlow\n")
    (tokenizer_home / "gap.txt").write_text("newe\n\nlow\n")
    with warnings.catch_warnings(action="ignore"):
        mergelab.write(tokenizer_home / "abc", Definition({97: b"a", 5: b"b"}, []))
    return tokenizer_home


def read(name: str | Path) -> Definition:
    return mergelab.read(name)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--special-token", "<s>", "--pattern", "gpt4"),
        ("--min-frequency", "5", "--max-token-bytes", "4"),
        ("--continue", "tok", "--special-token", "<new>"),
    ],
)
def test_each_size_is_what_training_to_this_size_gives(more: tuple[str, ...], capsys: Capture) -> None:
    assert main(["train", "text.txt", "--sizes", "272,275,280", "--out", "many", *more]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["many/272", "many/275", "many/280"]
    for size in (272, 275, 280):
        assert main(["train", "text.txt", "--vocab-size", str(size), "--out", f"one{size}", *more]) == 0
        for name in mergelab.FILES:
            assert Path(f"many/{size}/{name}").read_bytes() == Path(f"one{size}/{name}").read_bytes()


@pytest.mark.usefixtures("home")
def test_sizes_beyond_what_the_text_gives_hold_the_same(capsys: Capture) -> None:
    Path("ab.txt").write_text("ab ab")
    assert main(["train", "ab.txt", "--sizes", "257,300,400", "--out", "many"]) == 0
    assert capsys.readouterr().err == ""
    assert [len(read(f"many/{size}").vocab) for size in (257, 300, 400)] == [257, 258, 258]


@pytest.mark.usefixtures("home")
def test_options_reach_the_training(capsys: Capture) -> None:
    options = ["--min-frequency", "9", "--max-token-bytes", "3", "--continue", "tok", "--verbose"]
    assert main(["train", "bad.txt", "--vocab-size", "290", *options, "--errors", "replace", "--out", "none"]) == 0
    assert read("none") == read("tok")
    assert main(["train", "text.txt", "--vocab-size", "290", *options, "--out", "new"]) == 0
    base = read("tok")
    assert read("new") == train("text.txt", 290, base=base, min_frequency=9, max_token_bytes=3)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("merge ")]
    new = sorted(set(read("new").vocab) - set(base.vocab))
    assert [int(line.split("-> ")[1].split()[0]) for line in lines] == new


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("pattern", ["gpt2", "gpt4", "o200k", r"regex:\S+|\s+"])
def test_the_pattern_stands_in_what_is_saved(pattern: str) -> None:
    assert main(["train", "text.txt", "--vocab-size", "262", "--pattern", pattern, "--out", "a"]) == 0
    assert main(["train", "text.txt", "--vocab-size", "264", "--continue", "a", "--out", "b"]) == 0
    assert main(["extend", "b", "--token", "zq", "--out", "c"]) == 0
    assert main(["prune", "c", "--size", "261", "--out", "d"]) == 0
    for folder in "abcd":
        assert json.loads(Path(folder, "mergelab.json").read_bytes())["pattern"] == pattern


@pytest.mark.usefixtures("home")
def test_extend_says_and_writes_what_it_added(capsys: Capture) -> None:
    options = ["--tokens", "tokens.txt", "--token", " zq", "--special-token", "<new>"]
    assert main(["extend", "tok", *options, "--out", "new"]) == 0
    old, new = read("tok"), read("new")
    expected = extend(old, [" zq", "newe", "lowlow"], ["<new>"])
    assert new == expected.definition
    n_new = len(new.vocab) - 270
    assert capsys.readouterr().out == (
        f"new: {len(new.vocab)} tokens ({len(new.merges)} merges, 2 special), "
        f"{n_new} new, of which 4 were asked for\n"
    )
    ids = json.loads(Path("new/id-map.json").read_bytes())["ids"]
    assert ids == {str(token_id): token_id for token_id in old.vocab}
    assert Tokenizer.load("new").encode("lowlow<new>") == [new_id(new, b"lowlow"), new.n_ids - 1]


def new_id(definition: Definition, token: bytes) -> int:
    return next(token_id for token_id, known in definition.vocab.items() if known == token)


@pytest.mark.usefixtures("home")
def test_prune_writes_the_map_of_ids(capsys: Capture) -> None:
    old = read("tok")
    assert main(["prune", "tok", "--size", "262", "--out", "new"]) == 0
    assert capsys.readouterr().out == "new: 262 tokens (5 merges, 1 special), 8 removed\n"
    content = json.loads(Path("new/id-map.json").read_bytes())
    assert content.pop("ids") == {str(old_id): new_id for old_id, new_id in prune(old, 262).ids.items()}
    assert content == {
        "format": "mergelab ids 1",
        "old": old.fingerprint,
        "new": read("new").fingerprint,
    }
    Path("low.txt").write_text("low low lower")
    assert main(["prune", "tok", "--by-use", "low.txt", "--out", "used"]) == 0
    assert Tokenizer.load("used").encode("low low lower") == [
        json.loads(Path("used/id-map.json").read_bytes())["ids"][str(token_id)]
        for token_id in Tokenizer.load("tok").encode("low low lower")
    ]
    Path("parts").mkdir()
    for number, word in enumerate(("low", " low", " lower")):
        Path(f"parts/{number}.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": word}).encode()))
    assert main(["prune", "tok", "--by-use", "parts/0.jsonl.gz", "--by-use", "parts", "--out", "parts-used"]) == 0
    assert read("parts-used") == read("used")
    assert main(["prune", "tok", "--by-use", "low.txt", "--size", "258", "--out", "both"]) == 0
    assert len(read("both").vocab) == 258


USAGE = {
    "no size": (("train", "text.txt", "--out", "new"), "--vocab-size --sizes"),
    "both": (("train", "text.txt", "--out", "new", "--sizes", "300,400", "--vocab-size", "300"), "not allowed with"),
    "not increasing": (("train", "text.txt", "--out", "new", "--sizes", "300,300"), "300 is not larger than 300"),
    "no numbers": (("train", "text.txt", "--out", "new", "--sizes", "300,many"), "'300,many' is not a list of whole"),
    "small": (("train", "text.txt", "--out", "new", "--sizes", "255,300"), "vocab_size: 255 is too small"),
    "frequency": (
        ("train", "text.txt", "--out", "new", "--vocab-size", "300", "--min-frequency", "0"),
        "min_frequency: 0 is too small; give at least 1",
    ),
    "length": (
        ("train", "text.txt", "--out", "new", "--vocab-size", "300", "--max-token-bytes", "0"),
        "max_token_bytes: 0 is too small",
    ),
    "other pattern": (
        ("train", "text.txt", "--out", "new", "--vocab-size", "300", "--continue", "tok", "--pattern", "gpt4"),
        "pattern: 'gpt4' is not 'gpt2', by which the tokenizer to continue splits; leave the pattern out",
    ),
    "no room": (
        ("train", "text.txt", "--out", "new", "--sizes", "260,300", "--continue", "tok"),
        "vocab_size: 260 is too small for the 270 tokens to continue",
    ),
    "below the bytes": (
        ("prune", "tok", "--size", "256", "--out", "new"),
        "size: 256 is too small for the 257 single",
    ),
    "not smaller": (("prune", "tok", "--size", "270", "--out", "new"), "size: 270 is too large: tok has 270 tokens"),
    "nothing to prune by": (("prune", "tok", "--out", "new"), "give --size, --by-use, or both"),
    "nothing to add": (("extend", "tok", "--out", "new"), "give --token, --tokens or --special-token"),
    "there already": (
        ("extend", "tok", "--token", "low", "--out", "new"),
        "tokens: 'low' is in the vocabulary already",
    ),
    "special already": (
        ("extend", "tok", "--special-token", "<s>", "--out", "new"),
        "'<s>' is in the vocabulary alr",
    ),
}

FAILURES = {
    "no base": (
        ("train", "text.txt", "--out", "new", "--vocab-size", "300", "--continue", "nope"),
        "nope: No such file",
    ),
    "base lacks a byte": (
        ("train", "text.txt", "--out", "new", "--vocab-size", "300", "--continue", "abc"),
        "text.txt: text: the vocabulary has no token for byte 0x",
    ),
    "a size is there": (
        ("train", "text.txt", "--out", ".", "--sizes", "300,400"),
        "400: exists and is not a folder",
    ),
    "base is the output": (
        ("train", "text.txt", "--out", "tok", "--vocab-size", "300", "--continue", "tok", "--force"),
        "is the same file as the input tok/",
    ),
    "prune onto itself": (("prune", "tok", "--size", "260", "--out", "./tok", "--force"), "is the same file as the"),
    "extend onto another": (("extend", "tok", "--token", "zq", "--out", "edited"), "edited: holds a tokenizer"),
    "no text": (("prune", "tok", "--by-use", "nope", "--out", "new"), "nope: No such file"),
    "bad text": (("prune", "tok", "--by-use", "bad.txt", "--out", "new"), "bad.txt: invalid UTF-8 at byte 8"),
    "text of other bytes": (
        ("prune", "abc", "--by-use", "text.txt", "--out", "new"),
        "text.txt: text: the vocabulary has no token for byte 0x",
    ),
    "an empty line": (
        ("extend", "tok", "--tokens", "gap.txt", "--out", "new"),
        "gap.txt: line 2 is empty; remove it",
    ),
    "no file of tokens": (("extend", "tok", "--tokens", "nope", "--out", "new"), "nope: No such file"),
}


@pytest.mark.parametrize("name", [*USAGE, *FAILURES])
def test_what_is_wrong_is_one_line_and_changes_no_file(name: str, home: Path, capsys: Capture) -> None:
    (home / "400").write_text("mine")
    arguments, message = (USAGE | FAILURES)[name]
    assert_fails(arguments, 2 if name in USAGE else 1, message, home, capsys)


@pytest.mark.parametrize("is_link", [False, True])
def test_a_foreign_file_with_the_name_of_the_map_stays(is_link: bool, home: Path, capsys: Capture) -> None:
    (home / "new").mkdir()
    place = home / "new" / "id-map.json"
    place.symlink_to(home / "text.txt") if is_link else place.write_text("mine")
    for arguments in (["prune", "tok", "--size", "260"], ["extend", "tok", "--token", "zq"]):
        told = "id-map.json: is a link" if is_link else "id-map.json: mergelab.json is not beside it"
        assert_fails([*arguments, "--out", "new"], 1, told, home, capsys)
