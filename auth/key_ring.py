"""The signing keys as this replica knows them."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from auth.ports import Clock, KeyStore
from auth.signing import SigningKey
from infra.logs import get_logger

log = get_logger()

# A key outlives the last token it signed by this much, for clocks that differ.
SPARE = timedelta(days=1)


class KeyRing:
    """Signs with the newest key and publishes all of them, so that no key is without its readers.

    Replicas that start at once may each make a first key. That is harmless: all are published, and
    whoever reads the store next goes on with the newest.
    """

    def __init__(
        self, store: KeyStore, clock: Clock, *, key_lifetime: timedelta, token_lifetime: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._key_lifetime = key_lifetime
        self._kept_for = key_lifetime + token_lifetime + SPARE
        self._keys: Sequence[SigningKey] = ()
        self._loading = asyncio.Lock()

    async def load(self) -> Sequence[SigningKey]:
        """Reads the keys anew, and makes one where there is none or the newest is too old."""
        async with self._loading:
            keys = await self._store.all()
            now = self._clock()
            if not keys or now - keys[-1].created_at > self._key_lifetime:
                await self._create(now)
                keys = await self._store.all()
            self._keys = keys
            return keys

    async def rotate(self) -> SigningKey:
        """Makes a new key, which signs from now on here and within a minute at other replicas. The
        old ones stay published until their last token has expired."""
        key = await self._create(self._clock())
        await self.load()
        return key

    async def _create(self, at: datetime) -> SigningKey:
        key = SigningKey.generate(at)
        await self._store.add(key, self._kept_for)
        log.info("signing_key_created", kid=key.kid)
        return key

    async def newest(self) -> SigningKey:
        """The key to sign with."""
        return (self._keys or await self.load())[-1]

    async def jwks(self) -> str:
        """The public keys as a JSON Web Key Set (RFC 7517), read anew: others ask for it when they
        meet a key they do not know."""
        return json.dumps({"keys": [key.public_jwk for key in await self.load()]})
