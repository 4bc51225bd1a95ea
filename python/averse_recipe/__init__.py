"""Makes Averse's embedded assets again: tokenizer, language model, classifiers, texts, card."""
