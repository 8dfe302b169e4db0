"""Measures a training step: our models beside the GPT-2 of nanoGPT and the GPT-2 of transformers. Needs PyTorch."""
