"""`python -m rlctl`."""

from rlctl.cli import main

main()
