"""Running models on streams of lines.

- reading: bytes to lines, as they come
- records: lines to records and answers to lines (text, tables, objects); formats picks the reader
- sinks: where answers go
- pieces: texts to sequences of ids that fit the model, sentence by sentence; passages: as few as hold the text
- languages: which language a text is in
- batching: which sequences share a batch
- pipeline: keeps the engine busy and the order
- engine: the only place that imports ctranslate2; states: what an encoder says about a batch
- translation: what is particular to translation; guards: what is searched for again (broken bytes, loops, lost spans);
  repetition: notices output that loops
- encoders: an encoder with all that stands between texts and its states
- classification: what is particular to classification; heads: a classifier's layer; labels: which labels are given
- encoding: vectors of texts, tokens and pairs; vectors: how they are written; retrieval: the nearest of many
"""
