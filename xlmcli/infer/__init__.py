"""Running models on streams of lines.

- reading: bytes to lines, as they come
- formats: lines to records and answers to lines; tables (TSV, CSV) and json_lines beside it
- pieces: texts to sequences of ids that fit the model
- batching: which sequences share a batch
- pipeline: keeps the engine busy and the order
- engine: the only place that imports ctranslate2
- repetition: notices output that loops
- translate: what is particular to translation
"""
