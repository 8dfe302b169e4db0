"""The training step that is measured: our models beside the GPT-2 of nanoGPT and of transformers. Needs PyTorch."""
