"""What text is read from: each form of input is a module that offers a `Text`, bytes with ranges to cut at."""
