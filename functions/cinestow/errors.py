"""The one exception tree. The name tells whether to retry.

``InputRefused`` is final: the upload itself is at fault, and asking again cannot help.
``TryAgain`` and what stands below it are the world's fault: the caller raises, Pub/Sub redelivers.
``AlarmRaised`` needs a person: retrying cannot help and the upload is not to blame.
"""

from enum import StrEnum


class RefusalCode(StrEnum):
    """Why an upload was refused; stable, machine-readable, free of patient data."""

    EMPTY = "empty"
    NOT_A_VIDEO = "not-a-video"
    NO_VIDEO_STREAM = "no-video-stream"
    NO_FRAMES = "no-frames"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    OVER_LIMIT = "over-limit"
    DECODER_CRASHED = "decoder-crashed"
    DECODER_TIMED_OUT = "decoder-timed-out"
    METADATA_INVALID = "metadata-invalid"
    METADATA_CONFLICT = "metadata-conflict"
    NOT_STORABLE = "not-storable"


class CinestowError(Exception):
    """Root of everything Cinestow raises on purpose."""


class InputRefused(CinestowError):
    """The input is bad. Recorded once in quarantine, answered 2xx, never retried.

    ``sentence`` is one sentence a clinician understands: what was found, what was expected, what
    to do. It never quotes patient data.
    """

    def __init__(self, code: RefusalCode, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


class TryAgain(CinestowError):
    """The world is bad just now. Raise it, so that the message is delivered again."""


class StoreUnavailable(TryAgain):
    """The DICOMweb store did not answer, or answered with an error that may pass."""


class StorageUnavailable(TryAgain):
    """Object storage did not answer, or answered with an error that may pass."""


class MessagingUnavailable(TryAgain):
    """A message could not be published just now."""


class WorkInProgress(TryAgain):
    """Another worker holds the lease on this piece of work; look again later."""


class InstanceNotFound(CinestowError):
    """The DICOMweb store does not hold the instance that was asked for."""


class Superseded(CinestowError):
    """The upload's object was overwritten or deleted since its event; nothing is left to do."""


class AlarmRaised(CinestowError):
    """Something that must never happen did; a person has to look."""


class InstanceMismatch(AlarmRaised):
    """The store holds other content under our SOP Instance UID than what was sent."""


class InvalidInstance(AlarmRaised):
    """The instance that was built does not conform; a defect of ours."""


class MissingRecord(AlarmRaised):
    """A record that was written before the message that asks for it is not there."""


class ConfigurationError(AlarmRaised):
    """A setting is missing or wrong."""
