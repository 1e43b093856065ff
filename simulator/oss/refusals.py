"""The refusals of OSS, with the messages of its error documentation ("HTTP status code 403", "… 404", "… 409")."""

from __future__ import annotations

from simulator.wire import ApiError


def access_denied(message: str) -> ApiError:
    """Nobody signed, or the one who did may not."""
    return ApiError(403, "AccessDenied", message)


def bad_signature() -> ApiError:
    """The signature is not that of this request."""
    return ApiError(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    )


def no_access_key() -> ApiError:
    """The key is unknown; also what a key from STS is without its token."""
    return ApiError(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.")


def bad_token() -> ApiError:
    """The security token is not that of the key."""
    return ApiError(403, "InvalidSecurityToken", "The security token you provided is invalid.")


def token_expired() -> ApiError:
    """The security token has ended."""
    return ApiError(403, "SecurityTokenExpired", "The security token you provided has expired.")


def invalid(message: str) -> ApiError:
    """A parameter or header cannot be used."""
    return ApiError(400, "InvalidArgument", message)


def bad_object_name() -> ApiError:
    """The key is too long, not UTF-8, or begins with a slash or backslash."""
    return ApiError(400, "InvalidObjectName", "The specified object is not valid.")


def bad_digest() -> ApiError:
    """``Content-MD5`` is not that of the body."""
    return ApiError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")


def bad_encryption() -> ApiError:
    """``x-oss-server-side-encryption`` is none of those that exist."""
    return ApiError(
        400,
        "InvalidEncryptionAlgorithmError",
        "The Encryption request you specified is not valid. Supported value: AES256/KMS.",
    )


def no_bucket() -> ApiError:
    """The bucket does not exist."""
    return ApiError(404, "NoSuchBucket", "The specified bucket does not exist.")


def not_yours() -> ApiError:
    """The bucket is somebody else's."""
    return access_denied("You have no right to access this object because of bucket acl.")


def elsewhere() -> ApiError:
    """The bucket is in another region than the endpoint."""
    return access_denied(
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )


def name_taken() -> ApiError:
    """There is such a bucket, somebody else's or the account's own."""
    return ApiError(
        409,
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
    )


def no_lifecycle() -> ApiError:
    """The bucket has no lifecycle rules."""
    return ApiError(404, "NoSuchLifecycle", "No Row found in Lifecycle Table.")


def malformed_xml() -> ApiError:
    """The body is not the document that it has to be."""
    return ApiError(400, "MalformedXML", "The XML you provided was not well-formed or did not validate.")


def no_key() -> ApiError:
    """The object does not exist."""
    return ApiError(404, "NoSuchKey", "The specified key does not exist.")


def exists() -> ApiError:
    """``x-oss-forbid-overwrite: true``, and there is an object."""
    return ApiError(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")


def method_not_allowed() -> ApiError:
    """Buckets and objects have no such method."""
    return ApiError(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")


def bad_bucket_name() -> ApiError:
    """The bucket name is not 3 to 63 lower-case letters, digits and hyphens."""
    return ApiError(400, "InvalidBucketName", "The specified bucket is not valid.")
