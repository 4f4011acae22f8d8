"""One place picks the parser of a document."""

from __future__ import annotations

from xlmcli.documents.formats import DocumentFormat, DocumentOptions
from xlmcli.documents.parts import DocumentParser, WholeDocument


def new_parser(name: DocumentFormat, options: DocumentOptions) -> DocumentParser:
    """Returns a parser of one document of the format.

    Raises:
        DataError: The catalogue whose values are taken over cannot be read.
    """
    if name == "json":
        from xlmcli.documents.json_catalogue import json_parser

        return json_parser(options)
    if name == "html":
        from xlmcli.documents.html_page import html_parser

        return html_parser(options)
    if name == "md":
        from xlmcli.documents.markdown import parse_markdown

        return WholeDocument(parse_markdown)
    if name == "po":
        from xlmcli.documents.gettext_catalogue import GettextParser

        return GettextParser(options)
    if name in ("srt", "vtt"):
        from xlmcli.documents.subtitles import SubtitleParser

        return SubtitleParser(name, options)
    if name == "xliff":
        from xlmcli.documents.xliff import XliffParser

        return XliffParser(options)
    from xlmcli.documents.properties import PropertiesParser

    return PropertiesParser(options)
