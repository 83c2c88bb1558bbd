"""Runs one Python action for st2d, in a new interpreter or in a fork of one that waits.

`PROTOCOL.md` beside this folder is the agreement with st2d. Everything here needs the standard library only, and the
cold path as little of it as can be: each import is paid for by every run.
"""
