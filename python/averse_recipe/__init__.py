"""Rebuilds Averse's embedded assets: tokenizer, language model, classifiers, texts, card."""
