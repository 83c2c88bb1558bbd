"""Small tools under the names that packs import."""
