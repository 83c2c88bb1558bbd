"""Filters of templates, by what they are about."""
