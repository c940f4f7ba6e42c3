"""`python -m footnote` is `footnote`."""

from footnote.cli import main

main()
