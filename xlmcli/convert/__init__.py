"""Conversion of a checkpoint, as training writes it, into a bundle, as inference opens it. Needs the train extra."""
