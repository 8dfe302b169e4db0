"""Figures: numbers and tokens as plain dataclasses, one kind of question per module."""
