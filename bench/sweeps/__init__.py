"""How implementations grow: one study a question, one varied quantity a study, outputs verified before they are timed."""
