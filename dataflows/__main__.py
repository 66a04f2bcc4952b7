"""`python -m dataflows` is `orderwatch`."""

from dataflows.cli import main

if __name__ == "__main__":
    main()
