"""What auth does: one method per use case."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from ulid import ULID

from auth.credentials import check_login, check_password, prepare_password, require_fit
from auth.domain import (
    Account,
    AccountChangedError,
    AccountNotFoundError,
    HashingBusyError,
    InvalidRefreshTokenError,
    LoginTakenError,
    RefreshToken,
    Revocation,
    Role,
    Session,
    TokenPair,
    WrongCredentialsError,
    role_name,
)
from auth.key_ring import KeyRing
from auth.metrics import LOGINS, REFRESHES
from auth.ports import (
    AccountStore,
    Clock,
    LoginAttempts,
    Outcome,
    PasswordHasher,
    RevocationLog,
    SessionStore,
    VerifyToken,
)
from auth.tokens import TokenSigner
from infra.identity import LEEWAY_SECONDS, Caller, InvalidTokenError
from infra.logs import get_logger
from infra.text import fold_spaces

log = get_logger()

# What somebody types for a name may be anything, and long.
LOGGED_LOGIN_LENGTH = 64
# What two moments of ``infra.clock`` differ by at least.
CLOCK_STEP = timedelta(milliseconds=1)


class AuthService:
    """Accounts, sessions and tokens. What it raises beside what is said stands in ``auth.domain``;
    every method that takes a password may raise HashingBusyError."""

    def __init__(
        self,
        accounts: AccountStore,
        sessions: SessionStore,
        revocations: RevocationLog,
        attempts: LoginAttempts,
        hasher: PasswordHasher,
        key_ring: KeyRing,
        signer: TokenSigner,
        verify_token: VerifyToken,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._revocations = revocations
        self._attempts = attempts
        self._hasher = hasher
        self._key_ring = key_ring
        self._signer = signer
        self._verify_token = verify_token
        self._clock = clock

    async def register(self, login: str, password: str) -> Account:
        """Makes an account with the role customer.

        Raises:
            UnfitCredentialsError: the name or the password breaks the rules.
            LoginTakenError: somebody has this name.
        """
        login = fold_spaces(login)
        require_fit(*check_login(login), *check_password(password, login))
        # The store decides; this only spares the work of a hash nobody will need.
        if await self._accounts.find(login) is not None:
            raise LoginTakenError("this login name is taken")
        password_hash = await self._hasher.hash(prepare_password(password))
        now = self._clock()
        account = Account(
            user_id=str(ULID()),
            login=login,
            roles=frozenset({role_name(Role.CUSTOMER)}),
            password_hash=password_hash,
            sessions_since=now,
            created_at=now,
        )
        await self._accounts.add(account)
        log.info("account_registered", user_id=account.user_id, login=account.login)
        return account

    async def login(self, login: str, password: str, *, address: str = "") -> TokenPair:
        """Opens a session. ``address`` is where the caller is, if that is known.

        Raises:
            WrongCredentialsError: no such account, or another password; both take as long.
            TooManyAttemptsError: too many have failed.
        """
        account = await self._authenticate(login, password, address)
        if self._hasher.is_outdated(account.password_hash):
            await self._rehash(account, password)
        try:
            tokens = await self._open_session(account)
        except AccountChangedError as error:
            # The password was right when it was checked, and may not be any more.
            raise WrongCredentialsError("the login name or the password is wrong") from error
        log.info("login_succeeded", user_id=account.user_id, login=account.login)
        return tokens

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Trades a refresh token for a new pair; the account's roles of today stand in it.

        Raises:
            InvalidRefreshTokenError: it is not good, or no longer. Where it was used before, its
                whole session is over.
        """
        shown = RefreshToken.parse(refresh_token)
        now = self._clock()
        successor = RefreshToken.new(shown.family)
        outcome, session = await self._sessions.rotate(shown, successor)
        REFRESHES.labels(outcome.value).inc()
        if outcome is Outcome.REUSED:
            log.warning("refresh_reused", session=shown.family)
            await self._revoke(session=shown.family)
        if outcome is not Outcome.ROTATED or session is None:
            raise InvalidRefreshTokenError("the refresh token is not valid")
        account = await self._account_behind(session)
        if account is None:
            raise InvalidRefreshTokenError("the refresh token is not valid")
        tokens = await self._pair(account, successor, now)
        log.info("session_refreshed", user_id=account.user_id, session=session.family)
        return tokens

    async def logout(self, refresh_token: str, *, everywhere: bool = False) -> None:
        """Ends the session of a refresh token, or every session of its account; its access tokens
        count no longer. A session that is over stays so.

        Whoever shows any token of the family may end it: an old one would end it as reused, too.

        Raises:
            InvalidRefreshTokenError: this is no refresh token, or of no session that could say
                whose the others are.
        """
        family = RefreshToken.parse(refresh_token).family
        session = await self._sessions.find(family)
        if session is None:
            if everywhere:
                raise InvalidRefreshTokenError("the refresh token is not valid")
            return
        if everywhere:
            await self._end_every_session(session.user_id)
        else:
            # Before the session is gone: then this could not be done again.
            await self._revoke(session=family)
        await self._sessions.close(family)
        log.info("logged_out", session=family, user_id=session.user_id, everywhere=everywhere)

    async def verify(self, access_token: str) -> Caller:
        """Says whose token this is. Raises InvalidTokenError, also when it was revoked."""
        caller, _ = await self._holder(access_token)
        return caller

    async def account_of(self, access_token: str) -> Account:
        """The account of a token's owner as it is now. Raises InvalidTokenError."""
        _, account = await self._holder(access_token)
        return account

    async def _holder(self, access_token: str) -> tuple[Caller, Account]:
        caller = await self._verify_token(access_token)
        session = await self._sessions.find(caller.session)
        account = await self._accounts.get(caller.user_id)
        if (
            session is None
            or account is None
            or session.sessions_since != account.sessions_since
            or not caller.roles <= account.roles
        ):
            raise InvalidTokenError("the access token was revoked")
        return caller, account

    async def delete_account(self, access_token: str) -> None:
        """Forgets the account of a token's owner: its name is free, its tokens are good no more.

        Raises InvalidTokenError.
        """
        account = await self.account_of(access_token)
        await self._accounts.remove(account)
        await self._revoke(user_id=account.user_id)
        log.info("account_deleted", user_id=account.user_id)

    async def change_password(
        self, access_token: str, current: str, new: str, *, address: str = ""
    ) -> TokenPair:
        """Sets another password. Every session of the account ends; the answer opens a new one.

        Raises:
            InvalidTokenError: the token is not good.
            WrongCredentialsError: ``current`` is not the password.
            TooManyAttemptsError: too many have failed.
            UnfitCredentialsError: the new password breaks the rules.
            AccountChangedError: the account was changed at the same moment.
        """
        account = await self.account_of(access_token)
        require_fit(*check_password(new, account.login, pointer="/new_password"))
        account = await self._authenticate(account.login, current, address)
        account = await self._with_password(account, new)
        # Later than what was revoked just now.
        return await self._open_session(account, self._clock() + CLOCK_STEP)

    async def public_keys(self) -> str:
        """The public keys as a JSON Web Key Set."""
        return await self._key_ring.jwks()

    async def reset_password(self, login: str, new: str) -> None:
        """Sets another password without asking for the old one, and ends every session.

        Raises:
            AccountNotFoundError, UnfitCredentialsError, AccountChangedError
        """
        account = await self._named(login)
        require_fit(*check_password(new, account.login))
        await self._with_password(account, new)

    async def grant_role(self, login: str, role: Role, kitchen: str = "") -> Account:
        """Gives a role, which counts from the next token on; a kitchen makes it that kitchen's.

        Raises:
            AccountNotFoundError, AccountChangedError
            ValueError: the role can't be one kitchen's, or a kitchen can't be called so.
        """
        granted = role_name(role, kitchen)
        account = await self._named(login)
        roles = account.roles | {granted}
        await self._accounts.replace_roles(account, roles)
        log.info("role_granted", user_id=account.user_id, login=account.login, role=granted)
        return replace(account, roles=roles)

    async def revoke_role(self, login: str, role: Role) -> Account:
        """Takes a role away, every kitchen's included; tokens given before count no longer, and
        sessions go on without the role.

        Raises:
            AccountNotFoundError, AccountChangedError
        """
        account = await self._named(login)
        roles = account.without_role(role)
        await self._accounts.replace_roles(account, roles)
        await self._revoke(user_id=account.user_id)
        log.info("role_revoked", user_id=account.user_id, login=account.login, role=role.value)
        return replace(account, roles=roles)

    async def _named(self, login: str) -> Account:
        account = await self._accounts.find(login)
        if account is None:
            raise AccountNotFoundError("there is no such account")
        return account

    async def _authenticate(self, login: str, password: str, address: str) -> Account:
        account = await self._accounts.find(login)
        stored = None if account is None else account.password_hash
        async with self._attempts.one(login, account, address):
            matches = await self._hasher.verify(prepare_password(password), stored)
            if account is None or not matches:
                LOGINS.labels("failed").inc()
                log.info("login_failed", login=login[:LOGGED_LOGIN_LENGTH], address=address)
                raise WrongCredentialsError("the login name or the password is wrong")
        LOGINS.labels("succeeded").inc()
        return account

    async def _rehash(self, account: Account, password: str) -> None:
        try:
            password_hash = await self._hasher.hash(prepare_password(password))
            # The password is the same, and so its sessions go on.
            await self._accounts.replace_password(account, password_hash, account.sessions_since)
        except (HashingBusyError, AccountChangedError):
            # It can wait for the next login; this one was right.
            return
        log.info("password_rehashed", user_id=account.user_id)

    async def _with_password(self, account: Account, password: str) -> Account:
        password_hash = await self._hasher.hash(prepare_password(password))
        now = self._clock()
        await self._accounts.replace_password(account, password_hash, now)
        await self._revoke(user_id=account.user_id)
        log.info("password_changed", user_id=account.user_id, login=account.login)
        return replace(account, password_hash=password_hash, sessions_since=now)

    async def _end_every_session(self, user_id: str) -> None:
        account = await self._accounts.get(user_id)
        if account is not None:
            with suppress(AccountChangedError):
                # Where somebody was quicker, all sessions of before are over as well.
                await self._accounts.end_sessions(account, self._clock())
        await self._revoke(user_id=user_id)

    async def _revoke(self, *, session: str = "", user_id: str = "") -> None:
        # So that a token issued within this very millisecond is meant as well.
        now = self._clock() + CLOCK_STEP
        lifetime = self._signer.lifetime + timedelta(seconds=LEEWAY_SECONDS)
        await self._revocations.add(
            Revocation(at=now, expires_at=now + lifetime, session=session, user_id=user_id)
        )

    async def _open_session(self, account: Account, at: datetime | None = None) -> TokenPair:
        """Raises AccountChangedError when its sessions have ended since ``account`` was read."""
        token = RefreshToken.new()
        now = at or self._clock()
        session = Session(token.family, account.user_id, account.sessions_since)
        await self._sessions.open(session, token, now)
        current = await self._account_behind(session)
        if current is None:
            raise AccountChangedError("this account's sessions were ended at the same moment")
        return await self._pair(current, token, now)

    async def _account_behind(self, session: Session) -> Account | None:
        """The account of a session, which is closed when it counts no longer; then None.

        To be asked between the moment an access token names as that of its issue and its being
        given away: who ends an account's sessions writes so there first, and then revokes what was
        issued until then. So the account shows it already, or the token is among the revoked.
        """
        account = await self._accounts.get(session.user_id)
        if account is None or account.sessions_since != session.sessions_since:
            await self._sessions.close(session.family)
            return None
        return account

    async def _pair(self, account: Account, refresh_token: RefreshToken, at: datetime) -> TokenPair:
        """``at``: when the access token is issued, a moment before ``account`` was read."""
        return TokenPair(
            access_token=await self._signer.sign(account, refresh_token.family, at),
            expires_in=int(self._signer.lifetime.total_seconds()),
            refresh_token=str(refresh_token),
        )
