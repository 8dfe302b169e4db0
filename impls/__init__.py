"""mergelab: interchangeable BPE trainers and encoders behind one contract, proven to give identical outputs."""

from impls.errors import FileFormatError, InvalidUtf8Error, MergelabError, UsageError
from impls.pipeline import train_bpe
from impls.tokenizer import Tokenizer

__all__ = ["FileFormatError", "InvalidUtf8Error", "MergelabError", "Tokenizer", "UsageError", "train_bpe"]
