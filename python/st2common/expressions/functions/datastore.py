"""Filters about the datastore."""

__all__ = ["decrypt_kv"]


def decrypt_kv(value):
    """Refuses: the key of the datastore stays with st2d, which decrypts in the templates it renders itself."""
    raise ValueError(
        "decrypt_kv works in templates that st2d renders; code of packs has no key. "
        "Use action_service.get_value(name, decrypt=True)."
    )
