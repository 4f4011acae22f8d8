"""Draws docs/terminal.svg: a terminal in which the commands of the picture run.

python -m docs.picture
"""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from docs.blocks import REPOSITORY, Block, Session, Step

COMMANDS = (
    'echo "Where is the station?" | xlm translate --src en --tgt fr',
    "xlm translate --src fr --tgt en --format csv --column comment reviews.csv",
    "xlm classify --echo < reviews.txt",
    "xlm translate --src en --tgt fr manual.md",
    "xlm eval translate --ref test.fr new.fr | cut -f 1-6",
)
_WIDTH = 78


def draw() -> str:
    """Runs the commands and returns the picture."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        for command in COMMANDS:
            output = session.run(Block("sh", command), Step(command, None))
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            console.print(Text(output.expandtabs(12)))
    # Without the fonts that it would fetch.
    return re.sub(r"\s*@font-face \{.*?\}", "", console.export_svg(title="xlm", unique_id="xlm"), flags=re.DOTALL)


if __name__ == "__main__":
    (REPOSITORY / "docs" / "terminal.svg").write_text(draw(), encoding="utf-8")
