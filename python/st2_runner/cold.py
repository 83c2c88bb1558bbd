"""Starts one action in an interpreter of its own."""

import sys

# Not when `multiprocessing` imports this file again in a process that it spawns.
if __name__ == "__main__":
    _here = __file__.rpartition("/")[0]
    # An action must not find our modules under names like `action` or `load`.
    if sys.path[0] == _here:
        del sys.path[0]
    sys.path.insert(0, _here.rpartition("/")[0])
    from st2_runner.action import main

    del sys.path[0]
    main()
