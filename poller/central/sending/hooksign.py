"""What proves to the receiver of a webhook who sent it: HTTP Message Signatures (RFC 9421) by `hmac-sha256` and a shared secret.

Signed are the digest of the body (RFC 9530) and the parcel's id, with the time. A secret both sides know is checked in ten lines of any
language without a library; keys in pairs, as agents have them, would not be. Method and address are left out: the secret is for one
address, and proxies change those. The recipe is in docs/sending.md, with the vector a test compares.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import datetime
from hashlib import sha256

from poller.model import Secret
from poller.sealing.signatures import content_digest

LABEL, KEY_ID, TAG = "poller", "poller", "poller-parcel"


def signed_headers(body: bytes, parcel: str, secret: Secret, *, now_utc: datetime) -> dict[str, str]:
    """Return the header fields that prove *body*, the parcel of that id, to come from somebody who knows *secret*."""
    digest, quoted = content_digest(body), f'"{parcel}"'
    parameters = f'("content-digest" "idempotency-key");created={int(now_utc.timestamp())};keyid="{KEY_ID}";alg="hmac-sha256";tag="{TAG}"'
    base = f'"content-digest": {digest}\n"idempotency-key": {quoted}\n"@signature-params": {parameters}'
    signature = hmac.new(secret.reveal().encode(), base.encode(), sha256).digest()
    return {
        "Content-Digest": digest,
        "Idempotency-Key": quoted,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{b64encode(signature).decode()}:",
    }
