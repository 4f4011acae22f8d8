def detokenize(words, lang): return " ".join(words)
