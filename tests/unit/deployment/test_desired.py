"""The desired state: what it derives from the image's facts."""

from __future__ import annotations

from flowship.deployment.desired import image_version


def test_the_version_is_the_digest_or_the_tag():
    assert image_version("user/de-repo:tag@sha256:" + "0123456789abcdef" * 4) == "0123456789ab"
    assert image_version("127.0.0.1:5000/de-taxi:4f2a") == "4f2a"
    assert image_version("user/de-repo") == "de-repo"
