"""The warm parent: an interpreter that waits, and forks one process for each run that st2d asks for.

It has one thread and runs no code of packs. It ends when st2d says so or is gone; what it has forked ends with it.
"""

import sys

if __name__ == "__main__":
    _here = __file__.rpartition("/")[0]
    if sys.path[0] == _here:
        del sys.path[0]
    sys.path.insert(0, _here.rpartition("/")[0])

    from st2_runner import child, warm

    del sys.path[0]
    _fork = warm.serve(3, child.Origin(_here + "/cold.py"))
    if _fork is not None:
        _fork()
