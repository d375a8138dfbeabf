"""`python -m salesprocess`: the command of `salesprocess.cli`."""

from __future__ import annotations

import sys

from salesprocess.cli import main

sys.exit(main())
