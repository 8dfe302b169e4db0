"""How implementations grow: one study a question, one varied quantity a study, outputs verified, then timed."""
