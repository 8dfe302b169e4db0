"""Everything that Numba compiles: arrays in, arrays out, no Python object. Numba is imported to compile a kernel."""
