"""Children's stories without end: a deterministic corpus of any size that needs no download.

One row of random 64-bit integers (the draws) decides one story. A plot is a sequence of events, called beats. For
each beat, one of several lines is chosen. A line has slots for words. A slot has the same word everywhere in a story,
so that the characters of the story stay the same. Words come from `stories.toml`. Words of most classes come from
finite lists. Names, things, towns and numbers come from ranked lists without end, and a rank is drawn with the
probability p(rank) ~ (rank + q) ** -3. With this probability, the number of distinct words grows with the cube root
of the length of the corpus (Heaps' law), as it does in TinyStories. Words are computed from draws only by integers,
division and square roots, which IEEE 754 defines exactly. So the bytes are the same with every machine, Python and
NumPy.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from impls.arguments import check_count

Objects = npt.NDArray[np.object_]
Draws = npt.NDArray[np.uint64]
Ranks = npt.NDArray[np.int64]

SOURCE = Path(__file__).with_name("stories.toml")
SEPARATOR = "\n<|endoftext|>\n"

_ROWS = 1024  # Stories per block: about 1 MB of text.
_BITS = 12  # A finite list is drawn through a table of 2**12 places.
_HEAD = 4096  # Ranks of an endless list kept in a table; later ranks are spelled out when drawn.
_SHUFFLE = 1_000_003  # Coprime to the sizes of all levels of invented words.

# q of each endless class: a larger q makes the head flatter, and a corpus has more distinct words.
_FLATNESS = {"name": 350, "thing": 360, "town": 220, "num": 60}

_PRONOUNS = {
    "child": ("girl", "boy"),
    "he": ("she", "he"),
    "He": ("She", "He"),
    "his": ("her", "his"),
    "His": ("Her", "His"),
    "him": ("her", "him"),
    "himself": ("herself", "himself"),
}
_SLOT = re.compile(r"\{(\w+)\}")


class _Slot(NamedTuple):
    """A parsed slot: the draw that decides its word, and the pronoun or article that the slot asks for."""

    draw: str
    pronoun: str
    article: str


def _parse_slot(text: str) -> _Slot:
    """Parse `a_thing2`, the second thing with its article, or `bhis`, his or her by the gender of the second name."""
    for prefix, draw in (("", "name"), ("b", "name2")):
        if text.startswith(prefix) and text.removeprefix(prefix) in _PRONOUNS:
            return _Slot(draw, text.removeprefix(prefix), "")
    article, _, draw = text.rpartition("_") if text[:2] in ("a_", "A_") else ("", "", text)
    if draw == "kin_name":
        return _Slot("kin", "", "Name")
    return _Slot(draw, "", article)


def _word_class(draw: str) -> str:
    """Return the class of a draw: `thing` for `thing2`, the second draw of this class."""
    return draw.rstrip("0123456789")


def _inflect(word: str, article: str) -> str:
    """Return the word in the form of the slot: bare, as a proper name, or after a/an/A/An."""
    if article == "Name":
        return word.capitalize()
    return f"{article}{'n' if word[0] in 'aeiouAEIOU' else ''} {word}" if article else word


def _invent(rank: int, heads: list[str], tails: list[str]) -> str:
    """Return invented word number `rank`, made of one or more heads and a tail.

    Different ranks give different parts.
    """
    level, size = 1, len(heads) * len(tails)
    while rank >= size:
        rank, level, size = rank - size, level + 1, size * len(heads)
    rank, tail = divmod(rank * _SHUFFLE % size, len(tails))  # Words of neighbouring ranks must not look alike.
    word = tails[tail]
    for _ in range(level):
        rank, head = divmod(rank, len(heads))
        word = heads[head] + word
    return word


def _endless(words: list[str], invented: str, form: Callable[[str], str]) -> Callable[[int], str]:
    """Return a function: rank -> word. The first ranks give the listed words, all later ranks give invented words."""
    heads, tails = (part.split() for part in invented.split("|"))

    def word(rank: int) -> str:
        return words[rank] if rank < len(words) else form(_invent(rank - len(words), heads, tails))

    return word


def _places(n_items: int, flatness: int) -> Ranks:
    """Return int64[2**_BITS]: rank r fills a share of places proportional to 1 / (r + flatness), at least one."""
    weights = list(accumulate(10**9 // (rank + flatness) for rank in range(n_items)))
    free = (1 << _BITS) - n_items
    ends = [weight * free // weights[-1] + rank + 1 for rank, weight in enumerate(weights)]
    counts = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    return np.repeat(np.arange(n_items, dtype=np.int64), counts)


class _Teller:
    """The compiled form of `stories.toml`: tables that turn rows of draws into stories."""

    def __init__(self, source: dict[str, dict[str, str]]) -> None:
        self._words = {name: text.split() for name, text in source["words"].items()}
        self._endless = self._endless_classes(source["invented"])
        lines = {name: text.strip().split("\n") for name, text in source["beats"].items()}
        self._keys = list(dict.fromkeys(_SLOT.findall("\n".join(chain.from_iterable(lines.values())))))
        self._slots = [_parse_slot(key) for key in self._keys]
        self._draws = list(dict.fromkeys(slot.draw for slot in self._slots))
        self._places = {name: _places(len(words), flatness=4) for name, words in self._words.items()}
        self._tables = [self._table(slot) for slot in self._slots]
        self._plots = self._plot_tables(list(source["plots"].values()), lines)
        self.width = len(self._draws) + 1 + self._plots.shape[1]  # Draws per story: slots, plot, beats.

    def _endless_classes(self, invented: dict[str, str]) -> dict[str, Callable[[int], str]]:
        girl, boy = (_endless(self._words[kind], invented[kind], str.capitalize) for kind in ("girl", "boy"))
        return {
            "name": lambda rank: (boy if rank & 1 else girl)(rank >> 1),
            "thing": _endless(self._words["thing"], invented["thing"], str),
            "town": _endless(self._words["town"], invented["town"], str.capitalize),
            "num": lambda rank: str(rank + 2),
        }

    def _plot_tables(self, plots: list[str], lines: dict[str, list[str]]) -> Objects:
        """Return object[plots, beats, 2**_BITS]: lines with `%(slot)s`; a short plot has empty beats at its end."""
        rows = [self._beat_tables(plot, lines) for plot in plots]
        empty = np.full(1 << _BITS, "", dtype=object)
        longest = max(map(len, rows))
        return np.array([row + [empty] * (longest - len(row)) for row in rows], dtype=object)

    def _beat_tables(self, plot: str, lines: dict[str, list[str]]) -> list[Objects]:
        tables, gap = [], ""
        for beat in plot.split():
            if beat == "/":
                gap = "\n"
                continue
            told = ["" if line == "-" else gap + _SLOT.sub(r"%(\1)s", line) for line in lines[beat]]
            tables.append(np.array(told, dtype=object)[_places(len(told), flatness=10**6)])
            gap = " "
        return tables

    def _ranks(self, draw_columns: Draws) -> dict[str, Ranks]:
        """Return the rank of the word for each draw, int64[stories].

        Within a story, draws of the same class give different ranks.
        """
        ranks: dict[str, Ranks] = {}
        for name, draw in zip(self._draws, draw_columns, strict=True):
            word_class = _word_class(name)
            rank = self._rank(word_class, draw)
            taken = [other for key, other in ranks.items() if _word_class(key) == word_class]
            for other in taken * 2:  # Twice: a raised rank may equal a later one.
                rank = rank + (rank == other)
                if word_class not in self._endless:
                    rank %= len(self._words[word_class])
            ranks[name] = rank
        return ranks

    def _rank(self, word_class: str, draw: Draws) -> Ranks:
        if word_class not in self._endless:
            places: Ranks = self._places[word_class][draw >> np.uint64(64 - _BITS)]
            return places
        # The inverse of P(rank >= r) = (q / (q + r)) ** 2 at a uniform number in (0, 1].
        q = _FLATNESS[word_class]
        uniform = ((draw >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53
        return (q / np.sqrt(uniform) - q).astype(np.int64)

    def _table(self, slot: _Slot) -> Objects:
        """Return the inflected words of a class in the order of their ranks.

        Of an endless class, only the first `_HEAD` words.
        """
        endless = self._endless.get(_word_class(slot.draw))
        words = map(endless, range(_HEAD)) if endless else self._words[_word_class(slot.draw)]
        return np.array([_inflect(word, slot.article) for word in words], dtype=object)

    def _column(self, slot: _Slot, table: Objects, rank: Ranks) -> list[str]:
        """Return the word of one slot for each story of a block."""
        if slot.pronoun:
            pair = _PRONOUNS[slot.pronoun]
            return [pair[parity] for parity in (rank & 1).tolist()]
        column: list[str] = table[np.minimum(rank, len(table) - 1)].tolist()
        for row in np.flatnonzero(rank >= len(table)).tolist():
            column[row] = _inflect(self._endless[_word_class(slot.draw)](int(rank[row])), slot.article)
        return column

    def tell(self, draws: Draws) -> str:
        """Return the stories of a block of draws, uint64[stories, width], each followed by the separator."""
        ranks = self._ranks(draws.T[: len(self._draws)])
        slots = zip(self._slots, self._tables, strict=True)
        columns = [self._column(slot, table, ranks[slot.draw]) for slot, table in slots]
        plot = draws[:, len(self._draws)] % np.uint64(len(self._plots))
        places = draws[:, len(self._draws) + 1 :] >> np.uint64(64 - _BITS)
        lines = self._plots[plot[:, None], np.arange(places.shape[1]), places].tolist()
        keys, join = self._keys, "".join
        rows = zip(lines, zip(*columns, strict=True), strict=True)
        stories = [join(told) % dict(zip(keys, words, strict=True)) for told, words in rows]
        return SEPARATOR.join([*stories, ""])


@cache
def _teller() -> _Teller:
    source: dict[str, Any] = tomllib.loads(SOURCE.read_text("utf-8"))
    return _Teller(source)


def _blocks(seed: int) -> Iterator[bytes]:
    """Yield the endless corpus, about 1 MB at a time."""
    teller, bits = _teller(), np.random.PCG64(seed)
    while True:
        yield teller.tell(bits.random_raw(_ROWS * teller.width).reshape(_ROWS, teller.width)).encode()


def _cut(block: bytes, n_bytes: int) -> bytes:
    """Return the first `n_bytes`.

    If the last word does not fit whole, newlines take its place, so no character is ever cut.
    """
    head = block[:n_bytes]
    if block[n_bytes : n_bytes + 1].isspace():
        return head
    whole = max(head.rfind(b" "), head.rfind(b"\n")) + 1
    return head[:whole].ljust(n_bytes, b"\n")


def chunks(n_bytes: int, seed: int = 0) -> Iterator[bytes]:
    """Yield a corpus of exactly `n_bytes` bytes of UTF-8 in chunks of about 1 MB.

    `SEPARATOR` stands between stories. The corpus is the beginning of one endless text, which `seed` decides. A
    smaller corpus is therefore a prefix of a larger one, but for its last word: if the end would cut a word (or
    `<|endoftext|>` in the separator), newlines take the place of the part that fits.

    Raises:
        UsageError: the size is negative.
    """
    check_count("n_bytes", n_bytes, 0)
    for block in _blocks(seed):
        if len(block) > n_bytes:
            yield _cut(block, n_bytes)
            return
        yield block
        n_bytes -= len(block)
