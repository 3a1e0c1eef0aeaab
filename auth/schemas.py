"""The JSON bodies of auth's REST."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    """What a client sends: exactly these members."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Credentials(Body):
    """A login name and its password. Their rules are the domain's."""

    login: str = Field(examples=["anna"])
    password: str = Field(repr=False, examples=["chicken bowl"])


class ShownRefreshToken(Body):
    """A refresh token."""

    refresh_token: str = Field(repr=False)


class Logout(ShownRefreshToken):
    """The session to end, or all of the account's."""

    all: bool = False


class ShownAccessToken(Body):
    """An access token."""

    access_token: str = Field(repr=False)


class NewPassword(Body):
    """Another password, from somebody who knows the current one."""

    current_password: str = Field(repr=False)
    new_password: str = Field(repr=False)


class AccountAnswer(BaseModel):
    """Who somebody is."""

    user_id: str
    login: str
    roles: list[str]


class ExportAnswer(AccountAnswer):
    """All that is kept about an account, but for the hash of its password."""

    created_at: datetime
    sessions_since: datetime = Field(
        description="When all sessions last ended, as at a change of password."
    )


class TokenAnswer(BaseModel):
    """A pair of tokens (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str
    expires_in: int = Field(description="How long the access token is good for, in seconds.")
    refresh_token: str = Field(description="Good for one use.")


class KeySetAnswer(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


class VerifyAnswer(AccountAnswer):
    """What a good access token says."""

    expires_at: datetime
