"""The fidelity report as one HTML page for people: self-contained, printable, without scripts."""

from .page import html_report as html_report
from .page import save_html as save_html
