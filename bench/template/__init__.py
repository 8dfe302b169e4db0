"""A new implementation as a copy of an existing one: its module, and all that other files say of it."""
