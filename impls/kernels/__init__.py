"""Everything that Numba compiles: arrays in, arrays out, no Python object. Importing a kernel imports Numba."""
