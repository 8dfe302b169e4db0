"""How kernels run: as object code that Numba compiles once and the cache keeps, or as plain Python.

With Numba's own cache, each process would import Numba, and each call would unpack its arrays. Here a kernel is
compiled to one C function that takes a block of addresses and sizes. Its object code is kept in
`<cache>/kernels-<digest>`, so a process with a full cache never imports Numba. The function is called through ctypes,
which releases the interpreter lock. The digest in the name of this folder covers the sources of all kernels, the
versions of NumPy, Numba and llvmlite, Numba's flags, and the CPU. With NUMBA_DISABLE_JIT=1 all kernels run as plain
Python; tests use this.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from impls import system
from impls.cache import code_folder, prune_code_folders, warn_that_code_is_lost
from impls.kernels.helpers import JIT
from impls.storage import read_private, write_private

_NOTHING = ctypes.c_char * 0

CodeState = Literal["loaded", "cached", "absent", "plain"]

_LOCK = RLock()


def _renew_lock() -> None:
    """Give a forked process a new lock: the thread that may hold the old lock does not exist there."""
    global _LOCK
    _LOCK = RLock()


system.after_fork(_renew_lock)


def leaves(argument: Any) -> Iterator[Any]:
    """Yield the arrays and numbers of an argument, which may be a named tuple of them."""
    if isinstance(argument, tuple):
        for field in argument:
            yield from leaves(field)
    else:
        yield argument


def signature(arguments: tuple[Any, ...]) -> str:
    """Describe the types of arguments in words; each combination of types needs its own compiled code."""
    words = []
    for leaf in leaves(arguments):
        if isinstance(leaf, np.ndarray):
            words.append(f"{leaf.dtype.str}x{leaf.ndim}")
        else:
            words.append("u8" if isinstance(leaf, np.uint64) else "i8")
    return " ".join(words)


def cells(arguments: tuple[Any, ...]) -> Iterator[int]:
    """Yield the cells of a call, each an int64: the address and shape of each array, the value of each number.

    Raises:
        ValueError: an array is not contiguous.
    """
    for leaf in leaves(arguments):
        if isinstance(leaf, np.ndarray):
            if not leaf.flags.c_contiguous:
                raise ValueError("kernels take contiguous arrays")
            yield leaf.__array_interface__["data"][0]
            yield from leaf.shape
        else:
            yield int(leaf)


def _seal(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + code).digest()


def _load(code: bytes) -> tuple[Any, Any]:
    """Link object code into the process; return the engine that owns the code, and the function."""
    llvm = importlib.import_module("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # An engine owns its target machine, so each gets a new one.
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(engine.get_function_address("entry"))


class Call:
    """A kernel bound to its arguments; the object keeps the arguments alive."""

    def __init__(self, kernel: Kernel, arguments: tuple[Any, ...]) -> None:
        """Write the block: a cell for the result, then the cells of the arguments."""
        values = [0, *cells(arguments)]
        self._arguments = arguments
        self._name, self._run = kernel.name, kernel.compiled(arguments)
        self._block = (ctypes.c_int64 * len(values))(*(value - (value >> 63 << 64) for value in values))
        self._address = ctypes.addressof(self._block)
        self._bytes = (ctypes.c_char_p * len(values)).from_buffer(self._block)

    def set_bytes(self, content: bytes, start: int, stop: int) -> None:
        """Use a part of `content` as the first argument, an array of bytes that the kernel only reads."""
        self._bytes[1] = content
        self._block[1] += start
        self._block[2] = stop - start

    def set_arrays(self, *arrays: Any) -> None:
        """Use other writable arrays, of one dimension and of the same types, as the first arguments."""
        self._replaced = arrays
        for place, array in enumerate(arrays):
            # Four times as fast as to ask the array for its address.
            self._block[2 * place + 1] = ctypes.addressof(_NOTHING.from_buffer(array))
            self._block[2 * place + 2] = len(array)

    def raw(self) -> tuple[int, NDArray[np.int64]]:
        """Return the address of the C function and the cells of the call, int64[n], for code that calls it itself."""
        return ctypes.cast(self._run, ctypes.c_void_p).value or 0, np.ctypeslib.as_array(self._block)

    def __call__(self) -> int:
        """Run; returns the kernel's result."""
        if self._run(self._address):
            raise SystemError(f"{self._name}: compiled code failed; run with NUMBA_DISABLE_JIT=1 to see where")
        return self._block[0]


class Kernel:
    """A compiled function of arrays, numbers and named tuples of these; it runs without the interpreter lock.

    The function returns an integer or nothing, and must not raise, slice, allocate or use a negative index.
    """

    is_builtin = False

    def __init__(self, function: Callable[..., Any], variant: str) -> None:
        """Keep the function; it is compiled when it is first called."""
        self.function, self.name = function, "-".join(filter(None, (function.__name__, variant)))
        self._loaded: dict[str, tuple[Any, Any]] = {}

    def state(self) -> CodeState:
        """Tell how ready the code is: "loaded" runs at once, "cached" must be loaded, "absent" must be compiled."""
        if self._loaded:
            return "loaded"
        folder = code_folder()
        return "cached" if folder and next(folder.glob(f"{self.name}-*.o"), None) else "absent"

    def compiled(self, arguments: tuple[Any, ...]) -> Any:
        """Return the C function for arguments of these types."""
        types = signature(arguments)
        if types not in self._loaded:
            with _LOCK:
                if types not in self._loaded:
                    self._loaded[types] = _load(self._object_code(types, arguments))
        return self._loaded[types][1]

    def _object_code(self, types: str, arguments: tuple[Any, ...]) -> bytes:
        folder = code_folder()
        if folder is None:
            return self._compile(arguments)
        source = Path(self.function.__code__.co_filename).read_bytes()
        path = folder / f"{self.name}-{hashlib.sha256(source + types.encode()).hexdigest()[:16]}.o"
        with suppress(OSError):
            stored = read_private(path)
            # Damaged code, or the code of another kernel, would crash the process.
            if _seal(path.name, stored[32:]) == stored[:32]:
                return stored[32:]
        code, is_new = self._compile(arguments), not folder.exists()
        try:
            write_private(path, _seal(path.name, code) + code)
            if is_new:
                prune_code_folders()
        except OSError as error:
            warn_that_code_is_lost(str(folder), str(error.strerror))
        return code

    def _compile(self, arguments: tuple[Any, ...]) -> bytes:
        codegen = importlib.import_module("impls.kernels.codegen")
        return cast(bytes, codegen.object_code(self.function, arguments, self.is_builtin))

    def bind(self, *arguments: Any) -> Call:
        """Prepare a call."""
        return Call(self, arguments)

    def __call__(self, *arguments: Any) -> int:
        """Run once."""
        return self.bind(*arguments)()


class PlainCall:
    """A kernel bound to its arguments that runs as plain Python."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Take the place of a `Call`."""
        self._function, self._arguments = function, list(arguments)

    def set_bytes(self, content: bytes, start: int, stop: int) -> None:
        """Replace the first argument."""
        self._arguments[0] = np.frombuffer(content, np.uint8)[start:stop]

    def set_arrays(self, *arrays: Any) -> None:
        """Replace the first arguments."""
        self._arguments[: len(arrays)] = arrays

    def __call__(self) -> int:
        """Run; returns the kernel's result."""
        return int(self._function(*self._arguments) or 0)


class PlainKernel:
    """A kernel as plain Python."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Take the place of a `Kernel`."""
        self.function = function

    def state(self) -> CodeState:
        """Take the place of `Kernel.state`: plain Python runs at once, but slowly."""
        return "plain"

    def bind(self, *arguments: Any) -> PlainCall:
        """Prepare a call."""
        return PlainCall(self.function, arguments)

    def __call__(self, *arguments: Any) -> int:
        """Run once."""
        return self.bind(*arguments)()


def kernel(function: Callable[..., Any], variant: str = "") -> Kernel | PlainKernel:
    """Make a kernel: it is compiled when it is first called, and cached on disk if possible.

    `variant` tells apart kernels of the same name that call different helpers.
    """
    return Kernel(function, variant) if JIT else PlainKernel(function)
