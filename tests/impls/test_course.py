"""What the course's public suite asks for: worked examples, special tokens, round trips, streaming in little memory.

The examples are those of the handout of Stanford's CS336, assignment 1.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from data import catalogue
from impls import Tokenizer
from impls.registry import Impl, implementations
from tests.adapters import get_tokenizer, run_train_bpe
from tests.support import ROOT

END = "<|endoftext|>"

LOW_CORPUS = "low low low low low\nlower lower widest widest widest\nnewest newest newest newest newest newest"
LOW_MERGES = "s t, e st, o w, l ow, w est, n e, ne west, w i, wi d, wid est, low e, lowe r"

CAT_VOCAB = {0: " ", 1: "a", 2: "c", 3: "e", 4: "h", 5: "t", 6: "th", 7: " c", 8: " a", 9: "the", 10: " at"}
CAT_MERGES = [("t", "h"), (" ", "c"), (" ", "a"), ("th", "e"), (" a", "t")]


def as_cases(stage: str) -> list[object]:
    def case(row: Impl) -> object:
        return pytest.param(row.name, id=row.name, marks=[pytest.mark.kernel] if row.compiled else [])

    return [case(row) for row in implementations(stage)]


def as_bytes(merges: str) -> list[tuple[bytes, bytes]]:
    return [(left, right) for left, right in (pair.encode().split() for pair in merges.split(", "))]


@pytest.fixture
def low_corpus(tmp_path: Path) -> Path:
    path = tmp_path / "low.txt"
    path.write_text(LOW_CORPUS)
    return path


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("course") / "stories.txt"
    path.write_bytes(b"".join(catalogue.chunks("stories", 100_000)))
    return path


@pytest.fixture(scope="module")
def trained(stories: Path) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    return run_train_bpe(stories, 600, [END])


@pytest.fixture(scope="module")
def tokenizer(trained: tuple[dict[int, bytes], list[tuple[bytes, bytes]]]) -> Tokenizer:
    return get_tokenizer(*trained, [END])


@pytest.mark.parametrize("impl", as_cases("train"))
def test_the_twelve_merges_of_the_handout(impl: str, low_corpus: Path) -> None:
    vocab, merges = run_train_bpe(low_corpus, 256 + 12 + 1, [END], pattern=r"regex:\S+", impl=impl)
    assert merges == as_bytes(LOW_MERGES)
    assert [vocab[256 + rank] for rank in range(12)] == [left + right for left, right in merges]
    assert vocab[268] == END.encode()


@pytest.mark.parametrize("impl", as_cases("encode"))
def test_six_merges_encode_newest_as_two_tokens(impl: str, low_corpus: Path) -> None:
    vocab, merges = run_train_bpe(low_corpus, 256 + 6, [], pattern=r"regex:\S+")
    tokenizer = Tokenizer(vocab, merges, pattern=r"regex:\S+", impl=impl)
    assert [vocab[token] for token in tokenizer.encode("newest")] == [b"ne", b"west"]


@pytest.mark.parametrize("impl", as_cases("train"))
def test_ties_go_to_the_lexicographically_greater_pair(impl: str, tmp_path: Path) -> None:
    path = tmp_path / "ties.txt"
    path.write_text("BA ZZ " * 10 + "AB AC BZZ BAA " * 3)
    _, merges = run_train_bpe(path, 256 + 6, [], pattern=r"regex:\S+", impl=impl)
    assert merges[2] == max([(b"A", b"B"), (b"A", b"C"), (b"B", b"ZZ"), (b"BA", b"A")])
    assert merges == as_bytes("Z Z, B A, BA A, B ZZ, A C, A B")


@pytest.mark.parametrize("impl", as_cases("train"))
def test_ties_compare_tuples_of_bytes_not_their_concatenation(impl: str, tmp_path: Path) -> None:
    path = tmp_path / "ties.txt"
    path.write_text("bz " * 20 + "ab " * 10 + "aba abz " * 3)
    _, merges = run_train_bpe(path, 256 + 4, [], pattern=r"regex:\S+", impl=impl)
    assert merges == as_bytes("b z, a b, ab a, a bz")


@pytest.mark.parametrize("impl", as_cases("encode"))
def test_the_cat_ate(impl: str) -> None:
    vocab = {token_id: token.encode() for token_id, token in CAT_VOCAB.items()}
    merges = [(left.encode(), right.encode()) for left, right in CAT_MERGES]
    tokenizer = Tokenizer(vocab, merges, impl=impl)
    assert tokenizer.encode("the cat ate") == [9, 7, 1, 5, 10, 3]
    assert tokenizer.decode([9, 7, 1, 5, 10, 3]) == "the cat ate"


def test_vocabulary_is_bytes_then_merges_then_specials(
    trained: tuple[dict[int, bytes], list[tuple[bytes, bytes]]],
) -> None:
    vocab, merges = trained
    assert list(vocab) == list(range(600))
    assert [vocab[byte] for byte in range(256)] == [bytes([byte]) for byte in range(256)]
    assert [vocab[256 + rank] for rank in range(len(merges))] == [left + right for left, right in merges]
    assert vocab[599] == END.encode()


def test_no_token_holds_part_of_a_special_token(
    trained: tuple[dict[int, bytes], list[tuple[bytes, bytes]]],
) -> None:
    learned = [left + right for left, right in trained[1]]
    assert learned
    assert not [token for token in learned if b"<|" in token or b"|>" in token or b"endof" in token]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "🙃",
        "Hello, how are you?",
        "Héllò hôw are ü? 🙃",
        "  leading, trailing and    inner blanks \n\n\t ",
        f"Once{END} upon{END}{END} a time",
        END,
        "こんにちは世界 — naïve quotes …",
        "e\u0301 \u200d\U0001f468\u200d\U0001f469\u200d\U0001f467 \x00\x7f\x85\u2028",
    ],
)
def test_round_trip(text: str, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert list(tokenizer.encode_iterable([text])) == ids


def test_each_special_token_is_one_id(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(f"Once{END} upon{END}{END} a time")
    assert [tokenizer.decode([token]) for token in ids].count(END) == 3


def test_of_overlapping_special_tokens_the_longest_wins(
    trained: tuple[dict[int, bytes], list[tuple[bytes, bytes]]],
) -> None:
    tokenizer = get_tokenizer(*trained, [END, END + END])
    text = f"Hello{END}{END} there{END}, {END}{END}{END}"
    ids = tokenizer.encode(text)
    tokens = [tokenizer.decode([token]) for token in ids]
    assert (tokens.count(END), tokens.count(END + END)) == (2, 2)
    assert tokenizer.decode(ids) == text
    assert list(tokenizer.encode_iterable(text)) == ids


def test_a_file_handle_encodes_as_its_text(tokenizer: Tokenizer, stories: Path) -> None:
    text = stories.read_text("utf-8")
    with stories.open(encoding="utf-8") as file:
        ids = list(tokenizer.encode_iterable(file))
    assert ids == tokenizer.encode(text)
    assert tokenizer.decode(ids) == text


STREAM_IN_LITTLE_MEMORY = """
import hashlib, resource, sys
from pathlib import Path
from impls import Tokenizer, train_bpe

sample, corpus, special = sys.argv[1:]
tokenizer = Tokenizer(*train_bpe(sample, 4096, [special]), [special])
digest, n_ids, n_refused = hashlib.sha256(), 0, 0
with Path(corpus).open(encoding="utf-8", newline="") as file:
    before = resource.getrlimit(resource.RLIMIT_AS)
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (resident + 1_000_000, before[1]))
    try:
        bytearray(1_000_000_000)
    except MemoryError:
        n_refused += 1
    for token in tokenizer.encode_iterable(file):
        digest.update(tokenizer.vocab[token])
        n_ids += 1
    resource.setrlimit(resource.RLIMIT_AS, before)
print(n_refused, n_ids, digest.hexdigest() == hashlib.sha256(Path(corpus).read_bytes()).hexdigest())
"""


@pytest.mark.slow
def test_streaming_needs_less_than_a_megabyte(tmp_path: Path) -> None:
    text = b"".join(catalogue.chunks("stories", 5_000_000))
    sample, corpus = tmp_path / "sample.txt", tmp_path / "corpus.txt"
    sample.write_bytes(text[:1_000_000])
    corpus.write_bytes(text)
    done = subprocess.run(
        [sys.executable, "-c", STREAM_IN_LITTLE_MEMORY, str(sample), str(corpus), END],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    n_refused, n_ids, equal = done.stdout.split()
    assert (n_refused, equal) == ("1", "True")
    assert 0 < int(n_ids) < len(text) // 3
