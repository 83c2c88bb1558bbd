#!/usr/bin/env python3
import sys


def fibonacci(start, end):
    one, other = 0, 1
    while one <= end:
        if one >= start:
            yield one
        one, other = other, one + other


if __name__ == "__main__":
    print(list(fibonacci(float(sys.argv[1]), float(sys.argv[2]))))
