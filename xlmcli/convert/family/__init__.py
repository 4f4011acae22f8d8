"""Models of other families: Marian, M2M-100, NLLB, mBART-50, XLM-R."""
