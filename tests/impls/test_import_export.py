"""`import` and `export` from outside, other forms of a tokenizer on disk, and what transformers makes of a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from impls import FileFormatError, Tokenizer, train_bpe
from impls.__main__ import main
from impls.formats import listing, simple_bpe
from impls.formats.names import default_output
from impls.patterns import PATTERNS
from tests.impls.test_format_table import SMALL
from tests.support.commands import Capture, assert_fails, contents

END = "<|endoftext|>"
TEXT = f"Hello WORLD'S 12345 don't\n\n  x{END} WE'LL 12345678 naïve \u3000 中文\n  "
OWN = r"regex: ?\p{L}+|\p{N}|[^\p{L}\p{N}]+"


def trained(pattern: str, folder: Path, specials: tuple[str, ...] = (END,)) -> Tokenizer:
    path = folder / "text.txt"
    path.write_text("Hello 12345 123 45 678 12345678 WE'LL don't say \u4e2d\u6587, naïve worlds' WORLD'S x\n" * 20)
    return Tokenizer(*train_bpe(path, 340, specials, pattern=pattern, impl="incremental"), specials, pattern=pattern)


@pytest.fixture
def home(tokenizer_home: Path) -> Path:
    return tokenizer_home


@pytest.mark.parametrize("form", ["tokenizer.json", "tiktoken", "gpt2"])
@pytest.mark.usefixtures("home")
def test_export_and_import_give_the_tokenizer_again(form: str, capsys: Capture) -> None:
    assert main(["export", "tok", "--to", form, "--out", "out"]) == 0
    assert main(["import", "out", "--out", "again"]) == 0
    assert Tokenizer.load("again") == Tokenizer.load("tok") == Tokenizer.load("out")
    shown = capsys.readouterr()
    assert f"from {form}" in shown.out
    assert "texts get the same ids from" in shown.out
    assert shown.err == ""


def test_outputs_that_nobody_named_are_named_after_input_and_size(home: Path, capsys: Capture) -> None:
    assert main(["train", "text.txt", "--vocab-size", "270"]) == 0
    assert main(["export", "tok", "--to", "tiktoken"]) == 0
    assert main(["import", "tok-tiktoken/tokenizer.tiktoken"]) == 0
    assert capsys.readouterr().err == ""
    assert (home / "text-270" / "vocabulary.txt").is_file()
    assert Tokenizer.load("tokenizer-270") == Tokenizer.load("tok")


@pytest.mark.parametrize(
    ("inputs", "size", "name"),
    [
        (["stories.jsonl.zst"], 8000, "stories-8000"),
        (["data/my text.txt", "b.txt"], 5, "my text-5"),
        (["folder/"], 5, "folder-5"),
        (["-"], 5, "stdin-5"),
        ([".hidden"], 5, "hidden-5"),
        (["*.txt"], 5, "tokenizer-5"),
    ],
)
def test_default_names(inputs: list[str], size: int, name: str) -> None:
    assert default_output(inputs, size) == Path(name)


@pytest.mark.parametrize(
    ("arguments", "status", "names"),
    [
        (("export", "nope", "--to", "gpt2", "--out", "new"), 1, "nope: No such file"),
        (("export", "tok", "--to", "gpt3", "--out", "new"), 2, "invalid choice: 'gpt3'"),
        (("export", "tok", "--to", "gpt2", "--out", "folder/../tok"), 1, "is the same file as the input"),
        (("export", "tok", "--to", "gpt2", "--out", "."), 1, "holds .* but not .mergelab"),
        (("export", "small", "--to", "tiktoken", "--out", "new"), 2, "byte 0x77 has no token"),
        (("import", "nope", "--out", "new"), 1, "nope: No such file"),
        (("import", "text.txt", "--out", "new"), 1, "text.txt: is not a tokenizer"),
        (("import", "tok/tokenizer.json", "--out", "tok"), 1, "tok: holds a tokenizer; .*--force"),
        (("import", "tok/tokenizer.json", "--out", "text.txt"), 1, "text.txt: exists and is not a folder"),
        (("import", "tok/tokenizer.json", "--out", "new", "--pattern", "gpt4"), 2, "--pattern, --special-token"),
        (("import", "tok", "--out", "new", "--without", "normalizer"), 2, "--without"),
        (("import", "tok", "--out", "new", "--special-token", "x"), 2, "--special-token"),
    ],
)
def test_bad_commands_are_one_line(
    arguments: tuple[str, ...], status: int, names: str, home: Path, capsys: Capture
) -> None:
    assert_fails(arguments, status, names, home, capsys)


@pytest.mark.usefixtures("home")
def test_an_export_is_replaced_only_on_request(capsys: Capture) -> None:
    command = ["export", "tok", "--to", "tokenizer.json", "--out", "out"]
    assert main(command) == 0
    assert main(command) == 1
    assert "exists; give another --out, or --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0


@pytest.mark.usefixtures("home")
def test_a_rank_file_is_imported_with_its_pattern(capsys: Capture) -> None:
    pytest.importorskip("tiktoken")
    main(["export", "tok", "--to", "tiktoken", "--out", "out"])
    shutil.copy("out/tokenizer.tiktoken", "bare.tiktoken")
    command = ["import", "bare.tiktoken", "--out", "new", "--pattern", "gpt2", "--special-token"]
    assert main([*command, "<s>=269"]) == 0
    assert Tokenizer.load("new") == Tokenizer.load("tok")
    assert main([*command, "<s>", "--force"]) == 2
    assert "'<s>' is not TEXT=ID" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_an_import_without_the_library_says_so(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    assert main(["import", "tok/tokenizer.json", "--out", "new"]) == 0
    assert "were not compared with tokenizer.json's own: its library is not installed" in capsys.readouterr().err


def test_a_normalizer_is_left_out_only_on_request(home: Path, capsys: Capture) -> None:
    content = json.loads((home / "tok" / "tokenizer.json").read_bytes()) | {"normalizer": {"type": "NFC"}}
    (home / "nfc.json").write_text(json.dumps(content))
    assert main(["import", "nfc.json", "--out", "new"]) == 1
    assert "the normalizer 'NFC'" in capsys.readouterr().err
    assert main(["import", "nfc.json", "--out", "new", "--without", "normalizer"]) == 0
    assert "not compared" in capsys.readouterr().err
    assert Tokenizer.load("new") == Tokenizer.load("tok")


def test_simple_bpe_is_read(tmp_path: Path) -> None:
    lines = [r"'s| ?\p{L}+|\s+", "2", "<s> 258", "<|two words|> 259", "116 104", "256 101"]
    (tmp_path / "my.model").write_text("\n".join(["simple-bpe v1", *lines]) + "\n")
    with pytest.warns(UserWarning, match="mergelab keeps it"):
        tokenizer = Tokenizer.load(tmp_path / "my.model")
    assert tokenizer.encode("the th<s>x") == [257, 32, 256, 258, 120]
    assert (tokenizer.origin, tokenizer.pattern) == ("simple-bpe", rf"regex:{lines[0]}")
    assert tokenizer.special_tokens == {"<s>": 258, "<|two words|>": 259}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_simple_bpe_with_a_named_pattern_is_compiled(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "my.model").write_text(f"simple-bpe v1\n{PATTERNS[pattern]}\n0\n116 104\n")
    assert simple_bpe.read(tmp_path / "my.model").pattern == pattern


def test_the_listing_shows_children_and_escapes_control_characters() -> None:
    merges = [(b"t", b"h"), (b"\n", b"\n"), (b"\xf0", b"\x9f"), (b"\xc3", b"\xa9")]
    vocab = {byte: bytes([byte]) for byte in range(256)}
    vocab |= {256 + place: left + right for place, (left, right) in enumerate(merges)} | {300: b"\xe2\x80\x8b<s>"}
    lines = listing.content(Tokenizer(vocab, merges, ["\u200b<s>"]).definition).splitlines()
    assert lines[ord("a")] == "[a] 97"
    assert lines[10] == r"[\n] 10"
    assert lines[255] == r"[\xff] 255"
    assert lines[256:] == [
        "[t][h] -> [th] 256",
        r"[\n][\n] -> [\n\n] 257",
        r"[\xf0][\x9f] -> [\xf0\x9f] 258",
        r"[\xc3][\xa9] -> [é] 259",
        r"[\u200b<s>] 300 special",
    ]


def test_a_saved_folder_has_no_file_of_the_tokenizer_before(tmp_path: Path) -> None:
    Tokenizer(SMALL.vocab, list(SMALL.merges), ["<s>"]).save(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    with pytest.warns(UserWarning, match=r"written without tokenizer\.json.* byte 0x00 has no token"):
        Tokenizer({97: b"a"}, []).save(tmp_path)
    assert set(contents(tmp_path)) == {"mergelab.json", "vocab.json", "merges.txt", "vocabulary.txt"}


@pytest.mark.parametrize("specials", [(END,), (), ("<s>", "<pad>")])
@pytest.mark.parametrize("pattern", [*PATTERNS, OWN])
def test_transformers_loads_a_saved_folder_with_our_ids(
    pattern: str, specials: tuple[str, ...], tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = trained(pattern, tmp_path, specials)
    tokenizer.save(tmp_path / "tok")
    ids = tokenizer.encode(TEXT)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path / "tok", local_files_only=True)
    assert loaded(TEXT)["input_ids"] == ids
    assert loaded.decode(ids) == TEXT
    assert loaded.eos_token_id == tokenizer.special_tokens.get(END)


@pytest.mark.parametrize("pattern", [*PATTERNS, OWN])
def test_gpt2s_class_gives_our_ids_or_fails(pattern: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = trained(pattern, tmp_path)
    tokenizer.save(tmp_path / "tok")
    (tmp_path / "two").mkdir()
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(tmp_path / "tok" / name, tmp_path / "two" / name)
    for folder in ("tok", "two"):
        if pattern == "gpt2":
            loaded = transformers.GPT2TokenizerFast.from_pretrained(tmp_path / folder)
            assert loaded(TEXT)["input_ids"] == tokenizer.encode(TEXT)
        else:
            with pytest.raises(Exception, match=r"bool|Merges text file invalid"):
                transformers.GPT2TokenizerFast.from_pretrained(tmp_path / folder)


def test_transformers_loads_what_is_exported(home: Path) -> None:
    transformers = pytest.importorskip("transformers")
    ours = Tokenizer.load("tok")
    for form, loader in (("tokenizer.json", "AutoTokenizer"), ("gpt2", "GPT2TokenizerFast")):
        assert main(["export", "tok", "--to", form, "--out", form]) == 0
        loaded = getattr(transformers, loader).from_pretrained(home / form)
        assert loaded("low newest<s> lower 12")["input_ids"] == ours.encode("low newest<s> lower 12")


@pytest.mark.usefixtures("home")
def test_the_origin_is_the_format() -> None:
    assert (Tokenizer.load("tok").origin, Tokenizer.load("tok/tokenizer.json").origin) == (
        "mergelab",
        "tokenizer.json",
    )
    assert Tokenizer.load("tok/vocab.json").origin == "gpt2"
    with pytest.raises(FileFormatError, match="nope: No such file"):
        Tokenizer.load("nope")
