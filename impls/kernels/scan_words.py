"""The scans of `gpt4` (cl100k), `llama3`, `qwen2` and `o200k`, in which five rules differ from `gpt2`.

A character that is no letter, number or line end joins the word after it. A number has at most three digits.
Punctuation takes the line ends after it. Whitespace up to the last line end of its run is one pretoken. Contractions
may be in any case. In `o200k`, a new word also begins at an upper-case letter after a lower-case letter, and a
contraction belongs to the word before it. In `gpt4` alone, whitespace at the end of a text is one pretoken. In
`qwen2`, each digit is a pretoken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.kernels.classes import CASELESS, LETTER, LOWER, MARK, NUMBER, OTHER, SPACE, UPPER
from impls.kernels.helpers import Int, inline
from impls.kernels.instructions import classify_block, leading_zeros, trailing_zeros
from impls.kernels.scan import INVALID, ONE, class_at, known_until, scanner
from impls.kernels.scan_wide import after_character, first_of_last, wide_classes

TWO, THREE, TOP = np.uint64(2), np.uint64(3), np.uint64(63)


@inline
def is_line_end(byte: Any) -> bool:
    """Tell whether a byte is CR or LF."""
    return bool(byte == ord("\r") or byte == ord("\n"))


@inline
def any_case_contraction_length(text: Any, position: Int, end: Int) -> Int:
    """Return the length of the contraction at `position`, in upper or lower case, or 0 if there is none.

    When case is ignored, U+017F (long s) counts as `s`.
    """
    if position + 1 >= end or text[position] != ord("'"):
        return 0
    first = text[position + 1] | 0x20
    if first == ord("s") or first == ord("t") or first == ord("d") or first == ord("m"):
        return 2
    if position + 2 < end:
        second = text[position + 2]
        if text[position + 1] == 0xC5 and second == 0xBF:
            return 3
        second |= 0x20
        if (first == ord("l") and second == ord("l")) or (
            second == ord("e") and (first == ord("v") or first == ord("r"))
        ):
            return 3
    return 0


@inline
def run_end(text: Any, position: Int, end: Int, classes: Any, kind: Int, other_kind: Int, most: Int) -> Int:
    """Return the end of a run of at most `most` characters of the two classes, or `-1 - place` of an invalid byte."""
    while position < end and most:
        following, length = class_at(text, position, end, classes)
        if following == INVALID:
            return -1 - position
        if following != kind and following != other_kind:
            break
        position += length
        most -= 1
    return position


@inline
def whitespace_end(text: Any, position: Int, end: Int, classes: Any, whole_at_end: bool) -> Int:
    """Return the end of the pretoken that begins a whitespace run at `position`, or `-1 - place` of an invalid byte.

    With `whole_at_end`, a run at the end of the text is one pretoken even if it has line ends.
    """
    start = position
    last = position
    after_line_end = -1
    while position < end:
        kind, length = class_at(text, position, end, classes)
        if kind == INVALID:
            return -1 - position
        if kind != SPACE:
            break
        last = position
        position += length
        if is_line_end(text[last]):
            after_line_end = position
    if position == end and (whole_at_end or after_line_end < 0):
        return end
    if after_line_end >= 0:
        return after_line_end
    return last if last > start else position


@inline
def punctuation_end(text: Any, position: Int, end: Int, classes: Any, slashes: bool) -> Int:
    """Return the end of a run of punctuation and the line ends after it, or `-1 - place` of an invalid byte.

    Every character that is no letter, number or whitespace counts as punctuation. With `slashes`, slashes may stand
    among the line ends.
    """
    position = run_end(text, position, end, classes, OTHER, MARK, end)
    if position < 0:
        return position
    while position < end and (is_line_end(text[position]) or (slashes and text[position] == ord("/"))):
        position += 1
    return position


@inline
def word_end(text: Any, position: Int, end: Int, classes: Any, most_digits: Int, whole_at_end: bool) -> Int:
    """Return the end of the pretoken that begins at `position`, for `gpt4`, `llama3` and `qwen2`.

    `most_digits` is the largest number of digits in a pretoken. See `whitespace_end` and `scan.scanner`.
    """
    length = any_case_contraction_length(text, position, end)
    if length:
        return position + length
    kind, length = class_at(text, position, end, classes)
    after = position + length
    if kind == INVALID:
        return -1 - position
    if kind == NUMBER:
        return run_end(text, position, end, classes, NUMBER, NUMBER, most_digits)
    following = OTHER
    if kind == LETTER:
        following = LETTER
    elif after < end and not is_line_end(text[position]):
        following, length = class_at(text, after, end, classes)
        if following == INVALID:
            return -1 - after
    if following == LETTER:
        return run_end(text, after, end, classes, LETTER, LETTER, end)
    if kind == OTHER:
        return punctuation_end(text, position, end, classes, False)
    if text[position] == ord(" ") and after < end and following == OTHER:
        return punctuation_end(text, after, end, classes, False)
    return whitespace_end(text, position, end, classes, whole_at_end)


@inline
def gpt4_end(text: Any, position: Int, end: Int, classes: Any) -> Int:
    """Return the end of the pretoken of `gpt4` that begins at `position`."""
    return word_end(text, position, end, classes, 3, True)


@inline
def llama3_end(text: Any, position: Int, end: Int, classes: Any) -> Int:
    """Return the end of the pretoken of `llama3` that begins at `position`."""
    return word_end(text, position, end, classes, 3, False)


@inline
def qwen2_end(text: Any, position: Int, end: Int, classes: Any) -> Int:
    """Return the end of the pretoken of `qwen2` that begins at `position`."""
    return word_end(text, position, end, classes, 1, False)


@inline
def with_contraction(text: Any, position: Int, end: Int) -> Int:
    """Return the end of a word that ends at `position`, with a contraction after it if there is one."""
    return position + any_case_contraction_length(text, position, end)


@inline
def cased_word_end(text: Any, position: Int, end: Int, classes: Any) -> tuple[Int, bool]:
    """Return the end of an `o200k` word whose letters begin at `position`, and whether it has a lower-case part.

    A word consists of upper-case or caseless letters, and then of lower-case or caseless letters. The second part has
    at least one letter if possible. Marks count as caseless letters. The end is `position` if there is no word, or
    `-1 - place` of an invalid byte.
    """
    start = position
    caseless_end = position
    kind = OTHER
    while position < end:
        kind, length = class_at(text, position, end, classes)
        if kind == INVALID:
            return -1 - position, False
        if kind != UPPER and kind != CASELESS and kind != MARK:
            break
        position += length
        if kind != UPPER:
            caseless_end = position
    if position < end and kind == LOWER:
        while position < end:
            kind, length = class_at(text, position, end, classes)
            if kind == INVALID:
                return -1 - position, False
            if kind != LOWER and kind != CASELESS and kind != MARK:
                break
            position += length
        return with_contraction(text, position, end), True
    if caseless_end > start:  # The last caseless letter is the lower-case part; after it begins another word.
        return with_contraction(text, caseless_end, end), True
    return (with_contraction(text, position, end) if position > start else position), False


@inline
def o200k_end(text: Any, position: Int, end: Int, classes: Any) -> Int:
    """Return the end of the pretoken that begins at `position`. See `scan.scanner`."""
    kind, length = class_at(text, position, end, classes)
    if kind == INVALID:
        return -1 - position
    if kind == NUMBER:
        return run_end(text, position, end, classes, NUMBER, NUMBER, 3)
    is_letter = kind in (UPPER, LOWER, CASELESS)
    after = position + length
    if is_letter or not is_line_end(text[position]):
        word = position if is_letter else after
        stop, has_lower = cased_word_end(text, word, end, classes)
        if stop < 0:
            return stop
        if kind == MARK and not has_lower:
            return with_contraction(text, after, end)
        if stop > word:
            return stop
    if kind == OTHER:
        return punctuation_end(text, position, end, classes, True)
    if text[position] == ord(" ") and after < end:
        following, length = class_at(text, after, end, classes)
        if following == OTHER:
            return punctuation_end(text, after, end, classes, True)
    return whitespace_end(text, position, end, classes, False)


@inline
def run_start(bits: Any, after: Int) -> Int:
    """Return the index at which a run of set bits begins, if the last bit of the run is at `after - 1`.

    `after` is 1 to 64.
    """
    return after - leading_zeros(~(bits << np.uint64(64 - after)))


@inline
def word_starts(
    text: Any, position: Int, classes: Any, cased: bool, single_digits: bool
) -> tuple[Any, Any, Int, Int]:
    """Find the starts of pretokens in a block. See `scan.scanner`.

    `cased` is true for `o200k`, and `single_digits` for `qwen2`; both are false for `gpt4` and `llama3`.

    The rules by class:

    - A letter begins a pretoken, unless it continues the pretoken before it: after a letter, after whitespace that is
      no line end, or after punctuation that begins a pretoken. With `cased`, an upper-case letter after a lower-case
      letter begins a pretoken, too. A mark after a letter is treated as a letter.
    - The first digit of a run begins a pretoken, and so does every third digit after it; with `single_digits`, every
      digit does.
    - Punctuation begins a pretoken at the start of its run, unless U+0020 stands before it.
    - A line end begins a pretoken, unless whitespace or punctuation stands before it.
    - Other whitespace begins a pretoken at the start of its run, and at the last character of the run, which the run
      leaves to the next pretoken.

    The scan by character decides the rest: contractions, more than six digits, numbers that are not ASCII, other
    whitespace between line ends or at the end of what is known, and with `cased` slashes after line ends, marks that
    follow no letter, and upper-case letters after letters without case. Another block may begin at a letter.
    """
    block = classify_block(text, position)
    letters, uppers, digits, spaces = block.letters, block.uppers, block.digits, block.spaces
    line_ends, known, slow, joints = block.line_ends, 64, 0, letters
    space_lasts = spaces & ~(spaces >> ONE)
    others = ~(letters | digits | spaces)
    other_starts = others & ~(others << ONE) & ~(block.blanks << ONE)
    single = other_starts << ONE
    if block.wide:
        wide, parts = wide_classes(text, position, block.wide, classes)
        letters, spaces, uppers = letters | wide.letters, spaces | wide.spaces, uppers | wide.uppers
        faults = wide.faults | wide.digits
        if cased:
            faults |= (wide.marks & ~(letters << ONE)) | (uppers & (wide.caseless << ONE))
        known, slow = known_until(faults)
        joints = letters & ~wide.marks & ~parts.following
        space_lasts = first_of_last(spaces & ~(spaces >> ONE), parts)
        others = ~(letters | digits | spaces)
        other_starts = others & ~(others << ONE) & ~(block.blanks << ONE)
        single = after_character(other_starts, parts)
    gaps = spaces & ~line_ends
    letter_starts = letters & ~((letters | gaps) << ONE) & ~single
    apostrophes = block.apostrophes & other_starts & (letters >> ONE)
    if cased:
        letter_starts |= uppers & ((letters & ~uppers) << ONE)
        apostrophes &= letters << ONE
    digit_starts = digits if single_digits else digits & ~(digits << ONE)
    four = digits & (digits << ONE) & (digits << TWO) & (digits << THREE)
    starts = (
        letter_starts
        | digit_starts
        | ((digit_starts << THREE) & four)
        | other_starts
        | (line_ends & ~((spaces | others) << ONE))
        | (gaps & ~(gaps << ONE))
        | (gaps & space_lasts)
    )
    certain = known - 1
    if apostrophes:
        certain = min(certain, trailing_zeros(apostrophes) + (0 if cased else 1))
    suspects = np.uint64(0) if single_digits else four & (four << THREE)
    if cased:
        suspects |= block.slashes & (line_ends << ONE)
    if suspects:
        certain = min(certain, trailing_zeros(suspects))
    # The place after each run of gaps that follows a line end: the sum carries a bit through the run.
    after = ((gaps & ~(ONE << TOP)) + (gaps & (line_ends << ONE))) & ~gaps & line_ends
    if after:
        certain = min(certain, run_start(gaps, trailing_zeros(after)))
    if known and (gaps >> np.uint64(known - 1)) & ONE:
        certain = min(certain, run_start(gaps, known))
    return starts, joints, certain, slow


@inline
def gpt4_starts(text: Any, position: Int, classes: Any) -> tuple[Any, Any, Int, Int]:
    """Find the starts of pretokens in a block for `gpt4` and `llama3`."""
    return word_starts(text, position, classes, False, False)


@inline
def qwen2_starts(text: Any, position: Int, classes: Any) -> tuple[Any, Any, Int, Int]:
    """Find the starts of pretokens in a block for `qwen2`."""
    return word_starts(text, position, classes, False, True)


@inline
def o200k_starts(text: Any, position: Int, classes: Any) -> tuple[Any, Any, Int, Int]:
    """Find the starts of pretokens in a block for `o200k`."""
    return word_starts(text, position, classes, True, False)


scan_gpt4 = scanner(gpt4_starts, gpt4_end)
scan_llama3 = scanner(gpt4_starts, llama3_end)
scan_qwen2 = scanner(qwen2_starts, qwen2_end)
scan_o200k = scanner(o200k_starts, o200k_end)
