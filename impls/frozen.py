"""A dict that cannot be changed; it is read, compared and written as JSON like any other dict."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


def _refuse(*_: object, **__: object) -> NoReturn:
    raise TypeError("this dictionary is part of a tokenizer and cannot be changed; copy it with dict() first")


class FrozenDict(dict[Key, Value]):
    """A dict whose changing methods raise TypeError."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy the dict as a whole: adding the items one by one would change the dict."""
        return FrozenDict, (dict(self),)
