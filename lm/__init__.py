"""The trainer of language models: from text and configs to a trained GPT-2 or Llama 3."""
