"""CTranslate2's own format, as folders of others and as what is written."""
