"""`python -m moee`."""

import sys

from moee.cli import main

if __name__ == "__main__":
    sys.exit(main())
