"""Files as other programs write them: a PDF by reportlab, a Word document by python-docx."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pypdf")
pytest.importorskip("docx")


@pytest.fixture
def pdf(tmp_path: Path) -> Callable[..., Path]:
    """Writes a PDF with these lines on each page; lines that begin with # are in its outline."""
    canvas = pytest.importorskip("reportlab.pdfgen.canvas")

    def write(name: str, *pages: list[str], title: str = "", password: str = "") -> Path:
        path = tmp_path / name
        sheet = canvas.Canvas(str(path), encrypt=password or None, invariant=1)
        sheet.setTitle(title)
        for number, lines in enumerate(pages):
            for row, line in enumerate(lines):
                if line.startswith("#"):
                    sheet.bookmarkPage(f"{number}-{row}")
                    sheet.addOutlineEntry(line.strip("# "), f"{number}-{row}")
                sheet.drawString(72, 800 - 20 * row, line.strip("# "))
            sheet.showPage()
        sheet.save()
        return path

    return write
