"""Starts one sensor in an interpreter of its own."""

import sys

if __name__ == "__main__":
    _here = __file__.rpartition("/")[0]
    # A sensor must not find our modules under names like `channel`.
    if sys.path[0] == _here:
        del sys.path[0]
    sys.path.insert(0, _here.rpartition("/")[0])
    from st2_sensor.run import main

    del sys.path[0]
    main()
