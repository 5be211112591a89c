import pytest

from cinestow.errors import ConfigurationError
from cinestow.settings import settings_from

ENVIRONMENT = {
    f"CINESTOW_{name}": name.lower()
    for name in (
        *("PROJECT", "UPLOADS_BUCKET", "WORK_BUCKET", "QUARANTINE_BUCKET", "PREVIEWS_BUCKET"),
        *("TOPIC_SEGMENT_REQUESTED", "TOPIC_RECORDING_TRANSCODED"),
        *("TOPIC_INSTANCE_STAGED", "TOPIC_INSTANCE_STORED"),
    )
}


def test_read_from_the_environment() -> None:
    settings = settings_from({**ENVIRONMENT, "CINESTOW_CHILD_MEMORY_MIB": "384"})
    assert settings.buckets.work == "work_bucket"
    assert settings.topics.instance_stored == "topic_instance_stored"
    assert settings.without_metadata == "wait"
    assert settings.child_memory_mib == 384


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        settings_from({key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"), [("WITHOUT_METADATA", "guess"), ("CHILD_MEMORY_MIB", "much")]
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"CINESTOW_{name} is '{value}'"):
        settings_from({**ENVIRONMENT, f"CINESTOW_{name}": value})


def test_what_a_function_was_not_given_is_said() -> None:
    settings = settings_from(ENVIRONMENT)
    with pytest.raises(ConfigurationError, match="CINESTOW_IDENTITY_KEY"):
        _ = settings.key
    with pytest.raises(ConfigurationError, match="CINESTOW_DICOMWEB_ROOT"):
        _ = settings.store_root
