"""`python -m gateway` is `guichet`, also where the command is not on the path."""

from gateway.cli import main

if __name__ == "__main__":
    main()
