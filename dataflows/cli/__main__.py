"""`python -m dataflows.cli` is `orderwatch`."""

from dataflows.cli.main import main

if __name__ == "__main__":
    main()
