"""Two revisions side by side: the working tree and another one take turns in processes of their own.

A launch starts three processes: base, head, and head once more, its twin. Head takes turns with base for the
ratio, and with its twin for the floor. A process has its own luck: where its memory lies, how its hashes are seeded.
So there are several launches, and each counts as one batch of `bench.turns`, however many turns it took.
"""
