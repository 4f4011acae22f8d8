"""Running models on streams of lines; docs/design.md follows one through the modules."""
