"""Kernels that are built-in functions of Python: they take a Python object, hold the interpreter lock, make lists.

A call through ctypes takes as long as a text of 100 bytes. A built-in function is called as fast as `len`. Its
`self` is a `bytes` object that holds the address of the cells of the call, see `compiler`. Python objects are
addresses here. They are made and counted only through the functions of Python's C API, whose addresses are in an
array. (https://docs.python.org/3/c-api/structures.html)
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.kernels.compiler import Kernel, cells
from impls.kernels.helpers import JIT, Int, inline
from impls.kernels.instructions import call_c

BYTES_HEADER = 32
"""Where the content of a `bytes` object begins."""

METH_O = 8

USABLE = (
    JIT
    and sys.implementation.name == "cpython"
    and bytes.__basicsize__ == BYTES_HEADER + 1
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
)
"""Whether this Python can have such functions: objects are laid out as usual, and one thread runs at a time."""

_FUNCTIONS = (
    "PyList_New",
    "PyList_SetItem",
    "Py_IncRef",
    "Py_DecRef",
    "PyUnicode_GetLength",
    "PyUnicode_AsUTF8AndSize",
    "PyErr_Clear",
)
NEW_LIST, SET_ITEM, INC_REF, DEC_REF, GET_LENGTH, AS_UTF8, CLEAR_ERROR, NONE = range(8)
"""Indices of the array that `python_api` returns."""


class _MethodDefinition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_new_function = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(
    ("PyCFunction_NewEx", ctypes.pythonapi)
)


def python_api() -> NDArray[np.int64]:
    """Return the addresses of functions of the C API and of None, int64[8]."""
    functions = [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in _FUNCTIONS]
    return np.array([*functions, id(None)], np.int64)


class _Self(bytes):
    """The `self` of a function: the address of its cells as bytes. It keeps alive what the function needs."""

    owned: Any


class Builtin(Kernel):
    """A kernel whose first argument is the address of a Python object, and whose result is the address of another.

    The result is a new reference, or 0 after an error that is set.
    """

    is_builtin = True

    def make(self, *arguments: Any, kept: object = None) -> Callable[[Any], Any]:
        """Return a function of one Python object; `arguments` follow this object.

        The function keeps `arguments` alive, and `kept`, whose memory the arguments may refer to by address.
        """
        arguments = (0, *arguments)
        values = [0, *cells(arguments)]
        block = (ctypes.c_int64 * len(values))(*values)
        code = ctypes.cast(self.compiled(arguments), ctypes.c_void_p)
        definition = _MethodDefinition(self.name.encode(), code, METH_O, None)
        owner = _Self(ctypes.addressof(block).to_bytes(8, sys.byteorder))
        owner.owned = arguments, block, definition, kept
        made: Callable[[Any], Any] = _new_function(ctypes.addressof(definition), owner, None)
        return made


@inline
def new_list(api: Any, integers: Any, ids: Any, start: Int, stop: Int) -> Int:
    """Return a new list of the integers with the numbers `ids[start:stop]`, or 0 after an error."""
    made = call_c(api[NEW_LIST], stop - start, 0, 0)
    if made:
        for place in range(stop - start):
            integer = integers[np.int64(ids[start + place])]
            call_c(api[INC_REF], integer, 0, 0)
            call_c(api[SET_ITEM], made, place, integer)
    return made


def list_of_lists(_argument: Int, api: Any, integers: Any, ids: Any, offsets: Any) -> Int:
    """Return a list with a list for each part of `ids`; part i is `ids[offsets[i]:offsets[i + 1]]`.

    `integers`, int64[n], has the address of a Python integer for each id.
    """
    n = len(offsets) - 1
    lists = call_c(api[NEW_LIST], n, 0, 0)
    if lists:
        for part in range(n):
            made = new_list(api, integers, ids, offsets[part], offsets[part + 1])
            if not made:
                call_c(api[DEC_REF], lists, 0, 0)
                return 0
            call_c(api[SET_ITEM], lists, part, made)
    return lists


LIST_OF_LISTS = Builtin(list_of_lists, "")
