"""What a certificate says of itself (RFC 5280), as far as somebody here has to know. Nobody is verified by this: TLS does that."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509


def earliest_expiry_utc(chain: str) -> datetime | None:
    """Return when the first of the certificates of *chain* (PEM) runs out: with it the whole chain is worth nothing.

    None for what cannot be read, and for a chain without certificates.
    """
    try:
        return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(chain.encode()))
    except ValueError:
        return None
