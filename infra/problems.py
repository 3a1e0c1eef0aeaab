"""The kinds of problem (RFC 9457) that HTTP clients meet, each with the name it keeps for good."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem, as it is told in answers, in the API's documentation and at
    ``/problems``."""

    slug: str
    """Its stable name: the ``type`` is ``/problems/<slug>``."""
    status: int
    """The HTTP status it comes with."""
    title: str
    when: str = ""
    """When it comes, for those who read about the API."""

    @classmethod
    def of_reason(cls, reason: str, status: int, when: str = "") -> Self:
        """The kind that a service's reason, such as ``SOLD_OUT``, is at the edge."""
        title = reason.replace("_", " ").capitalize()
        return cls(reason.lower().replace("_", "-"), status, title, when)

    @property
    def uri(self) -> str:
        """What stands as ``type``: a path at the service that answered."""
        return f"/problems/{self.slug}"


INTERNAL = ProblemType("internal", 500, "Internal error", "We made a mistake; it is in our log.")
NOT_FOUND = ProblemType("not-found", 404, "Not found", "Nothing is served at this path.")
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "Method not allowed",
    "The path has other methods; `Allow` names them.",
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable",
    406,
    "Not acceptable",
    "The request's `Accept` permits no media type that is served here.",
)
URI_TOO_LONG = ProblemType(
    "uri-too-long", 414, "URI too long", "Path and query have too many bytes."
)
HEADERS_TOO_LARGE = ProblemType(
    "request-header-fields-too-large",
    431,
    "Request header fields too large",
    "The header fields have more bytes than are read here.",
)
MALFORMED_HTTP = ProblemType(
    "malformed-http",
    400,
    "Malformed HTTP",
    "The request can't be read, its `Host` is missing or no host, or a header that may be there "
    "once is there twice.",
)
MALFORMED_JSON = ProblemType("malformed-json", 400, "Malformed JSON", "The body is not JSON.")
INVALID_PARAMETER = ProblemType(
    "invalid-parameter",
    400,
    "Invalid parameter",
    "A query parameter is not what it must be, or is given twice; `parameter` names it.",
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout", 408, "Request timeout", "The body did not arrive in time."
)
BODY_TOO_LARGE = ProblemType(
    "body-too-large", 413, "Body too large", "The body has more bytes than are read here."
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    "Unsupported media type",
    "The body's `Content-Type` is not one that is read here.",
)
INVALID_REQUEST = ProblemType(
    "invalid-request",
    422,
    "Invalid request",
    "The body has fields at fault; `errors` names each by its JSON pointer.",
)

# What any body may meet.
OF_BODIES = (
    MALFORMED_JSON,
    REQUEST_TIMEOUT,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_REQUEST,
)
# What any HTTP server of ours may answer, whatever it serves.
COMMON = (
    INTERNAL,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    URI_TOO_LONG,
    HEADERS_TOO_LARGE,
    MALFORMED_HTTP,
    INVALID_PARAMETER,
    *OF_BODIES,
)
