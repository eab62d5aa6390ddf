"""Serve with any WSGI server, in several processes.

For example::

    SYNAPSE_EMULATOR_DATA=data gunicorn -w 2 -k gthread --threads 4 synapse.emulator.wsgi
"""

import os
from pathlib import Path

from synapse.emulator.folder import DATA_VARIABLE, DataFolder
from synapse.emulator.server import load_application

application = load_application(DataFolder(Path(os.environ.get(DATA_VARIABLE, "synapse-data"))))
