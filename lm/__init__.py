"""The reference Transformer trainer: from text and configs to a trained GPT-2 or Llama 3 style model."""
