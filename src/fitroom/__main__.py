"""`python -m fitroom`, which torchrun needs."""

from fitroom.cli import main

main(prog_name="fitroom")
