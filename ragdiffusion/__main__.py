"""`python -m ragdiffusion COMMAND`."""

import sys

from ragdiffusion.cli import main

if __name__ == "__main__":
    sys.exit(main())
