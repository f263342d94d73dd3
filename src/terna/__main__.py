"""`python -m terna`."""

import sys

from terna.serving.cli import main

if __name__ == "__main__":
    sys.exit(main())
