"""The folder of a tokenizer: GPT-2's byte alphabet, files that come back as they were, and every way they are bad."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import FileFormatError, Tokenizer, UsageError
from impls.definition import fingerprint
from impls.formats.alphabet import from_text, to_text
from impls.formats.gpt2 import MERGES_FILE, VOCAB_FILE, read_merges, read_vocab
from impls.formats.mergelab import FILES, SETTINGS_FILE
from tests.support import ROOT

BYTES = {byte: bytes([byte]) for byte in range(256)}
ODD_SPECIALS = ["<|endoftext|>", "<ende — é>", " two words ", "é", "Ġ", "#version: 0.2", "🙃\n", "\u2028", "\x85"]

ODD_MERGES = [
    (b" ", b" "),
    (b"\n", b"\n"),
    (b"\r", b"\n"),
    (b"#", b"v"),
    (b"#v", b"ersion:"),
    (b"\xc2", b"\x85"),
    (b"\xe2\x80", b"\xa8"),
    (b"\xff", b"\x00"),
    (b'"', b"\\"),
    (b"\xc4", b"\xa0"),
]
ODD_TEXT = '  two words \n\n\r\n#version: 0.2 \x85\x85\u2028\u2028 "\\ Ġ \x00 é <ende — é> the'


def with_merges(merges: list[tuple[bytes, bytes]], specials: list[str], pattern: str = r"regex:\s+|\S+") -> Tokenizer:
    """Build a tokenizer in whose vocabulary the operands and results of the merges come after the bytes."""
    tokens = [token for pair in merges for token in (*pair, b"".join(pair))]
    distinct = dict.fromkeys([*BYTES.values(), *tokens])
    return Tokenizer(dict(enumerate(distinct)), merges, specials, pattern=pattern)


@pytest.fixture
def tokenizer() -> Tokenizer:
    return with_merges(ODD_MERGES, ODD_SPECIALS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small tokenizer: 256 bytes, `th`, `the`, `<s>`."""
    with_merges([(b"t", b"h"), (b"th", b"e")], ["<s>"], "gpt2").save(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def test_the_byte_alphabet_is_gpt2s() -> None:
    characters = [to_text(bytes([byte])) for byte in range(256)]
    assert all(len(character) == 1 for character in characters)
    assert len(set(characters)) == 256
    assert all(character.isprintable() and not character.isspace() for character in characters)
    assert [byte for byte in range(256) if characters[byte] == chr(byte)] == [
        *range(0x21, 0x7F),
        *range(0xA1, 0xAD),
        *range(0xAE, 0x100),
    ]
    known = {b" ": "Ġ", b"\n": "Ċ", b"\r": "č", b"\t": "ĉ", b"\x00": "Ā", b"\xad": "Ń", b"\x7f": "ġ", b"\xff": "ÿ"}
    assert {byte: to_text(byte) for byte in known} == known
    assert to_text(" héllo\n".encode()) == "ĠhÃ©lloĊ"


@given(st.binary())
@settings(deadline=None)
def test_the_byte_alphabet_comes_back(token: bytes) -> None:
    assert from_text(to_text(token)) == token


@pytest.mark.parametrize("text", [" ", "\n", "\u2028", "a b", "\u0144", "🙃"])
def test_characters_outside_the_alphabet_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not in GPT-2's byte alphabet"):
        from_text(text)


def same(one: Tokenizer, other: Tokenizer) -> bool:
    return one.fingerprint() == other.fingerprint() and one.special_tokens == other.special_tokens


def test_a_saved_tokenizer_loads_as_it_was(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "made" / "folders")
    loaded = Tokenizer.load(tmp_path / "made" / "folders")
    assert same(loaded, tokenizer)
    assert (loaded.vocab, loaded.merges, loaded.pattern) == (tokenizer.vocab, tokenizer.merges, tokenizer.pattern)
    assert loaded.encode(ODD_TEXT) == tokenizer.encode(ODD_TEXT)
    assert loaded.decode(loaded.encode(ODD_TEXT)) == ODD_TEXT


@pytest.mark.parametrize("special", [*ODD_SPECIALS, "s", "the"])
def test_the_two_files_with_their_specials_are_the_tokenizer(special: str, tmp_path: Path) -> None:
    tokenizer = with_merges([*ODD_MERGES, (b"t", b"he")], [special])
    tokenizer.save(tmp_path)
    loaded = Tokenizer.from_files(
        tmp_path / VOCAB_FILE, str(tmp_path / MERGES_FILE), [special], pattern=tokenizer.pattern
    )
    assert same(loaded, tokenizer)
    assert loaded.encode(ODD_TEXT) == tokenizer.encode(ODD_TEXT)


def test_gpt2s_way_of_writing_special_tokens_is_read(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0, "Ġa": 1, "Ġ": 2, "<fin é>": 3}', "utf-8")
    (tmp_path / "merges.txt").write_bytes("#version: 0.2\r\nĠ a\r\n".encode())
    tokenizer = Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt", ["<fin é>", "<pad>"])
    assert tokenizer.special_tokens == {"<fin é>": 3, "<pad>": 4}
    assert tokenizer.encode("a a<fin é>a<pad>") == [0, 1, 3, 0, 4]


def test_ids_of_numpy_types_are_saved(tmp_path: Path) -> None:
    ids: list[Any] = list(np.arange(256))
    tokenizer = Tokenizer(dict(zip(ids, BYTES.values(), strict=True)), [], ["<s>"])
    tokenizer.save(tmp_path)
    assert same(Tokenizer.load(tmp_path), Tokenizer(BYTES, [], ["<s>"]))


def test_imported_ids_are_kept(tmp_path: Path) -> None:
    tokenizer = Tokenizer({7_000 - byte: token for byte, token in BYTES.items()}, [], ["<s>"], pattern="o200k")
    tokenizer.save(tmp_path)
    assert Tokenizer.load(tmp_path).encode("a<s>") == [7_000 - ord("a"), 7_001]


def test_what_is_written_is_what_others_read(folder: Path) -> None:
    assert (folder / MERGES_FILE).read_text("utf-8") == "#version: 0.2\nt h\nth e\n"
    vocab = json.loads((folder / VOCAB_FILE).read_bytes())
    assert (vocab["Ġ"], vocab["th"], vocab["the"], vocab["<s>"]) == (32, 256, 257, 258)
    settings = json.loads((folder / SETTINGS_FILE).read_bytes())
    assert (settings["pattern"], settings["special_tokens"]) == ("gpt2", {"<s>": 258})


def test_a_merge_that_looks_like_the_header_is_read(tmp_path: Path) -> None:
    path = tmp_path / "merges.txt"
    path.write_text("#version: 0.2\n#version: 0.2\n\na b\n")
    assert read_merges(path) == [(b"#version:", b"0.2"), (b"a", b"b")]


def test_a_fresh_process_gives_the_same_ids(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    (tmp_path / "text.txt").write_bytes(ODD_TEXT.encode())
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from impls import Tokenizer\n"
        "text = (Path(sys.argv[1]) / 'text.txt').read_bytes().decode()\n"
        "print(*Tokenizer.load(sys.argv[1]).encode(text))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(map(int, done.stdout.split())) == tokenizer.encode(ODD_TEXT)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"", "not JSON"),
        (b'{"a": 0', "not JSON"),
        (b'{"a": \xff}', "invalid UTF-8 at byte 6"),
        (b"[1, 2]", "list"),
        (b'"a"', "str"),
        (b"null", "NoneType"),
        (b'{"a": "0"}', "'a' has the id '0'"),
        (b'{"a": 0.0}', "'a' has the id 0.0"),
        (b'{"a": true}', "'a' has the id True"),
        (b'{"a": null}', "'a' has the id None"),
        (b'{"a": -1}', "'a' has the id -1"),
        (b'{"a": 5, "b": 5}', "two tokens have the id 5, the second is 'b'"),
        (b'{"a": 5, "b": 6, "a": 7}', "'a'"),
        (b'{"a b": 0}', "'a b': character ' ' is not in"),
        (b'{"\\u2028": 0}', "alphabet"),
        (b'{"\\ud800": 0}', "alphabet"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "not JSON|'a' has the id"),
        (b"[" * 100_000, "not JSON"),
    ],
    ids=range(19),
)
def test_a_bad_vocab_json_is_refused(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"vocab\.json: .*({says})") as caught:
        read_vocab(path)
    assert "\n" not in str(caught.value)


def test_an_id_that_no_array_holds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(f'{{"a": {1 << 31}}}')
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(UsageError, match=str(1 << 31)):
        Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        ("#version: 0.2\na b\na\n", "line 3: 'a' is not two tokens"),
        ("#version: 0.2\na b\na \n", "line 3: 'a ' is not two tokens"),
        ("a b\n b\n", "line 2: ' b' is not two tokens"),
        ("a b\na b c\n", "line 2: 'a b c' is not two tokens"),
        ("a\tb\n", r"line 1: 'a\\tb' is not two tokens"),
        ("#version: 0.2\na b\nc d\na b\n", "line 4: the pair 'a b' was given already in line 2"),
        ("a b\nc\u2028 d\n", r"line 2: character '\\u2028' is not in"),
        ("a b\nc 🙃\n", "line 2: character '🙃' is not in"),
        (b"a b\n\xff c\n", "invalid UTF-8 at byte 4"),
    ],
)
def test_a_bad_merges_txt_is_refused(content: str | bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "merges.txt"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FileFormatError, match=rf"merges\.txt: {says}"):
        read_merges(path)


def test_files_that_do_not_fit_together_are_refused(folder: Path) -> None:
    (folder / MERGES_FILE).write_text("t h\nth a\n")
    with pytest.raises(UsageError, match=r"number 1.*b'tha' is not in the vocabulary"):
        Tokenizer.from_files(folder / VOCAB_FILE, folder / MERGES_FILE)


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), "utf-8")

    return damage


def change_setting(key: str, *value: Any) -> Callable[[Path], None]:
    """Set a key of the settings, or drop it when no value is given."""

    def damage(folder: Path) -> None:
        settings = json.loads((folder / SETTINGS_FILE).read_bytes())
        del settings[key]
        if value:
            settings[key] = value[0]
        (folder / SETTINGS_FILE).write_text(json.dumps(settings))

    return damage


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (remove(VOCAB_FILE), "vocab.json: No such file"),
        (remove(MERGES_FILE), "merges.txt: No such file"),
        (edit(VOCAB_FILE, '"the": 257', '"the": 300'), "digest differs"),
        (edit(VOCAB_FILE, '"the": 257', '"tha": 257'), "number 1 .* b'the' is not in the vocabulary"),
        (edit(MERGES_FILE, "t h\nth e\n", "t h\n"), "digest differs"),
        (edit(MERGES_FILE, "t h", "h t"), "number 0 .* b'ht' is not in the vocabulary"),
        (edit(SETTINGS_FILE, "gpt2", "gpt4"), "digest differs"),
        (edit(SETTINGS_FILE, "<s>", "<t>"), "<t>|digest differs"),
        (edit(SETTINGS_FILE, '"<s>": 258', '"<s>": 257'), "<s>|digest differs"),
        (edit(SETTINGS_FILE, "{", ""), "mergelab.json: not JSON"),
        (change_setting("format"), "mergelab.json: 'format' is None"),
        (change_setting("format", "mergelab 2"), "mergelab.json: 'format' is 'mergelab 2'"),
        (change_setting("pattern"), "mergelab.json: 'pattern' is None"),
        (change_setting("pattern", 5), "mergelab.json: 'pattern' is 5"),
        (change_setting("special_tokens"), "mergelab.json: 'special_tokens' is None"),
        (change_setting("special_tokens", ["<s>"]), "mergelab.json: 'special_tokens' is"),
        (change_setting("special_tokens", {"": 258}), "special token|digest differs"),
        (change_setting("digest"), "digest"),
        (change_setting("digest", 5), "digest"),
    ],
    ids=range(19),
)
def test_a_damaged_folder_is_refused(damage: Callable[[Path], None], names: str, folder: Path) -> None:
    damage(folder)
    with pytest.raises(FileFormatError) as caught:
        Tokenizer.load(folder)
    assert str(caught.value).startswith(str(folder))
    assert re.search(names, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_whose_content_no_tokenizer_can_have_is_refused(folder: Path) -> None:
    parts = Tokenizer.load(folder).definition
    digest = fingerprint(parts.vocab, parts.merges, list(parts.special_tokens), "gpt9")
    change_setting("pattern", "gpt9")(folder)
    change_setting("digest", digest)(folder)
    with pytest.raises(FileFormatError, match="unknown pattern 'gpt9'"):
        Tokenizer.load(folder)


def test_an_unknown_implementation_is_no_fault_of_the_folder(folder: Path) -> None:
    with pytest.raises(UsageError, match="'fast'"):
        Tokenizer.load(folder, impl="fast")


@pytest.mark.parametrize("place", ["", "vocab.json", "vocab.json/inside"])
def test_a_folder_that_cannot_be_made_is_named(place: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("a file")
    target = tmp_path / place if place else Path("/proc/no/such")
    with pytest.raises(FileFormatError) as caught:
        tokenizer.save(target)
    assert str(caught.value).startswith(str(target))
    assert [path.name for path in tmp_path.rglob("*")] == ["vocab.json"]


@pytest.mark.parametrize("n_written", range(3))
def test_a_save_that_fails_leaves_the_old_tokenizer(
    n_written: int, tokenizer: Tokenizer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    old = Tokenizer.load(folder)
    n_calls = 0

    def full_after_some(_: int) -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls > n_written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_after_some)
        with pytest.raises(FileFormatError, match="No space left on device"):
            tokenizer.save(folder)
    assert same(Tokenizer.load(folder), old)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_save_replaces_an_old_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    tokenizer.save(folder)
    assert same(Tokenizer.load(folder), tokenizer)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        set(FILES) - {"tokenizer.json", "tokenizer_config.json"}
    )
