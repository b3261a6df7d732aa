"""``python -m tightbound`` is the command ``tightbound``."""

from tightbound.verification.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
