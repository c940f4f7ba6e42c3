"""The thresholds of this release."""

from app.answering.verify.profiles import fitted_profiles


def test_every_profile_is_complete_and_named_after_its_data() -> None:
    fitted = fitted_profiles()

    assert set(fitted["profiles"]) == {"strict", "balanced", "lenient"}
    assert set(fitted["held_out"]) <= set(fitted["sets"])
    assert len(fitted["data_sha256"]) == 64


def test_a_stricter_profile_asks_for_more() -> None:
    least = {name: each["min_score"] for name, each in fitted_profiles()["profiles"].items()}

    assert least["strict"] == 1.0
    assert least["lenient"] < least["balanced"] < least["strict"]
