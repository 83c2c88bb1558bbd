"""Things as the API shows them."""
