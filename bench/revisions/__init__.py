"""Two revisions side by side: the working tree and another one take turns in processes of their own.

A launch starts three processes: base, head, and head once more, its twin. All three take turns: head and base give
the ratio, head and its twin the floor. They have made as many calls at any time, since code gets faster after some
calls: the memory allocator, for one, adapts. A process has its own luck: where its memory lies, how its hashes are
seeded. So there are several launches, and each counts as one batch of `bench.turns`, however many turns it took.
"""
