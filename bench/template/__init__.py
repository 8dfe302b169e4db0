"""Makes a new implementation as a copy of an existing one: its module, and its entries in other files."""
