"""tokenizer.json files in the shapes of well-known models, with vocabularies that HF's library trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from data import get
from impls.patterns import PATTERNS

END = "<|endoftext|>"
BEGIN = "<\uff5cbegin\u2581of\u2581sentence\uff5c>"
CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split(expression: str, behavior: str = "isolated", invert: bool = False) -> Any:
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Split

    return Split(Regex(expression), behavior, invert)


def in_turn(*steps: Any, use_regex: bool = False) -> Any:
    from tokenizers.pre_tokenizers import ByteLevel, Sequence

    return Sequence([*steps, ByteLevel(add_prefix_space=False, use_regex=use_regex)])


def template(token: str, token_id: int) -> Any:
    from tokenizers.processors import TemplateProcessing

    return TemplateProcessing(single=f"{token} $A", special_tokens=[(token, token_id)])


def trained(pre_tokenizer: Any, specials: list[str], size: int = 1200) -> Any:
    """Train HF's BPE on a little of everything; the special tokens get the last ids."""
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.decoders import ByteLevel as Decoder
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    made = Tokenizer(BPE())
    made.pre_tokenizer = pre_tokenizer
    trainer = BpeTrainer(vocab_size=size, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    corpora = [get(name, 60_000).read_bytes().decode() for name in ("stories", "stdlib", "unicode-classes", "emoji")]
    made.train_from_iterator(["1234567 89 2024 中文字の中文字 かな" * 20, *corpora], trainer)
    made.decoder = Decoder()
    made.add_special_tokens([AddedToken(token, normalized=False) for token in specials])
    return made


def with_every_split(content: dict[str, Any]) -> dict[str, Any]:
    """List each token once for each way to make it, as vocabularies converted from tiktoken's ranks do."""
    ids: dict[str, int] = content["model"]["vocab"]
    merges = []
    for token in sorted(ids, key=ids.__getitem__):
        ways = [(token[:place], token[place:]) for place in range(1, len(token))]
        known = [list(way) for way in ways if way[0] in ids and way[1] in ids]
        merges += sorted(known, key=lambda way: (ids[way[0]], ids[way[1]]))
    content["model"] |= {"merges": merges, "ignore_merges": True}
    return content


def gpt2() -> dict[str, Any]:
    from tokenizers.pre_tokenizers import ByteLevel

    return as_content(trained(ByteLevel(add_prefix_space=False), [END]))


def llama3() -> dict[str, Any]:
    made = trained(in_turn(split(PATTERNS["llama3"])), ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    made.post_processor = template("<|begin_of_text|>", made.token_to_id("<|begin_of_text|>"))
    return with_every_split(as_content(made))


def qwen2() -> dict[str, Any]:
    return as_content(trained(in_turn(split(PATTERNS["qwen2"])), [END, "<|im_start|>", "<|im_end|>"]))


def cl100k() -> dict[str, Any]:
    return as_content(trained(in_turn(split(PATTERNS["llama3"], "removed", True)), [END, "<|fim_prefix|>"]))


def deepseek() -> dict[str, Any]:
    from tokenizers import AddedToken

    steps = split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK)
    made = trained(in_turn(*steps), [BEGIN, BEGIN.replace("begin", "end")])
    made.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    made.post_processor = template(BEGIN, made.token_to_id(BEGIN))
    return as_content(made)


def starcoder() -> dict[str, Any]:
    from tokenizers.pre_tokenizers import Digits

    return as_content(trained(in_turn(Digits(individual_digits=True), use_regex=True), [END, "<fim_prefix>"]))


def as_content(made: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(made.to_str())
    return content


SHAPES: dict[str, Callable[[], dict[str, Any]]] = {
    function.__name__: function for function in (gpt2, llama3, qwen2, cl100k, deepseek, starcoder)
}
