"""What packs import of StackStorm, in the form they know.

Only what code of packs uses: the base classes, the datastore, logging, constants and small tools. Nothing here reads a
database; what needs the system asks its API.
"""

__version__ = "3.9.0"
