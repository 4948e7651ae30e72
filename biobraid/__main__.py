"""python -m biobraid, the same as the `biobraid` command."""

from biobraid.cli.main import main

main()
