"""Image references: docker's grammar, and what a wrong one is told."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowship.errors import ExitCode, UsageError
from flowship.registry.reference import Reference, push_target, registry_host, server_address

DIGEST = "sha256:" + "0123456789abcdef" * 4

# The grammar of https://github.com/distribution/reference, regexp.go, written out again.
ALPHANUMERIC = "[a-z0-9]+"
SEPARATOR = "(?:[._]|__|[-]+)"
PATH_COMPONENT = f"{ALPHANUMERIC}(?:{SEPARATOR}{ALPHANUMERIC})*"
DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
DOMAIN_NAME = rf"{DOMAIN_COMPONENT}(?:\.{DOMAIN_COMPONENT})*"
DOMAIN = rf"(?:{DOMAIN_NAME}|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
DIGEST_PATTERN = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}"
NAME = f"(?:(?P<domain>{DOMAIN})/)?(?P<path>{PATH_COMPONENT}(?:/{PATH_COMPONENT})*)"
OFFICIAL = re.compile(f"(?P<name>{NAME})(?::(?P<tag>{TAG}))?(?:@(?P<digest>{DIGEST_PATTERN}))?")
# go-digest accepts three algorithms, each with its own length.
KNOWN_DIGEST = re.compile("sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")

tags = st.text("abzAZ019_.-", min_size=1, max_size=128).filter(lambda t: t[0] not in ".-")
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
words = st.text("abz019", min_size=1, max_size=8)
separators = st.sampled_from([".", "_", "__", "-", "--", "---"])
components = st.builds(
    lambda first, rest: first + "".join(map("".join, rest)),
    words,
    st.lists(st.tuples(separators, words), max_size=2),
)
paths = st.lists(components, min_size=1, max_size=3).map("/".join)
hosts = st.sampled_from(
    ["", "docker.io/", "index.docker.io/", "localhost/", "localhost:5000/", "ghcr.io/",
     "127.0.0.1:5000/", "REGISTRY.example.com/", "[::1]:5000/", "example.com:443/"]
)  # fmt: skip


@st.composite
def references(draw):
    tag = draw(st.one_of(st.just(""), tags.map(":{}".format)))
    digest = draw(st.one_of(st.just(""), digests.map("@{}".format)))
    return draw(hosts) + draw(paths) + tag + digest


def accepted_by_the_grammar(text):
    """What docker's ParseNormalizedNamed does, with the official expression."""
    if re.fullmatch("[a-f0-9]{64}", text):
        return False
    first, slash, rest = text.partition("/")
    host_given = slash and ("." in first or ":" in first or first == "localhost")
    remote = rest if host_given else text
    whole = text if host_given else f"docker.io/{remote if slash else f'library/{remote}'}"
    found = OFFICIAL.fullmatch(whole)
    if not found or (host_given and not re.fullmatch(DOMAIN, first)):
        return False
    # the path as docker cuts it out, not as the expression might
    name = remote.split("@")[0].split(":")[0]
    if not re.fullmatch(f"{PATH_COMPONENT}(?:/{PATH_COMPONENT})*", name):
        return False
    if found["digest"] and not KNOWN_DIGEST.fullmatch(found["digest"]):
        return False
    full = found["name"].replace("index.docker.io/", "docker.io/", 1)
    domain, _, path = full.partition("/")
    if domain == "docker.io" and "/" not in path:
        full = f"docker.io/library/{path}"
    return len(full) <= 255


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag", "familiar"),
    [
        ("ubuntu", "docker.io", "library/ubuntu", None, "ubuntu"),
        ("user/de-repo:v1", "docker.io", "user/de-repo", "v1", "user/de-repo:v1"),
        ("docker.io/user/de-repo", "docker.io", "user/de-repo", None, "user/de-repo"),
        ("index.docker.io/library/ubuntu", "docker.io", "library/ubuntu", None, "ubuntu"),
        ("localhost/x", "localhost", "x", None, "localhost/x"),
        ("localhost:5000", "docker.io", "library/localhost", "5000", "localhost:5000"),
        ("localhost:5000/x:1", "localhost:5000", "x", "1", "localhost:5000/x:1"),
        ("ghcr.io/a/b/c__d:V_1.0", "ghcr.io", "a/b/c__d", "V_1.0", "ghcr.io/a/b/c__d:V_1.0"),
        ("[::1]:5000/x", "[::1]:5000", "x", None, "[::1]:5000/x"),
    ],
)
def test_a_reference_is_split_as_docker_splits_it(text, registry, path, tag, familiar):
    found = Reference.parse(text)

    assert (found.registry, found.path, found.tag) == (registry, path, tag)
    assert str(found) == familiar


def test_a_reference_may_carry_tag_and_digest_together():
    found = Reference.parse(f"user/de-repo:v1@{DIGEST}")

    assert (found.tag, found.digest) == ("v1", DIGEST)
    assert str(found) == f"user/de-repo:v1@{DIGEST}"
    assert found.repository == "user/de-repo"


def test_tag_and_digest_can_be_added_and_are_validated():
    plain = Reference.parse("user/de-repo")

    assert str(plain.with_tag("v1").with_digest(DIGEST)) == f"user/de-repo:v1@{DIGEST}"
    assert plain.with_tag("v1").with_tag(None) == plain
    with pytest.raises(UsageError):
        plain.with_tag("not a tag")
    with pytest.raises(UsageError):
        plain.with_digest("sha256:12")


def test_a_hub_name_that_looks_like_a_host_keeps_its_registry():
    name = Reference.parse("docker.io/localhost/x")

    assert str(name) == "docker.io/localhost/x"
    assert Reference.parse(str(name)) == name


@pytest.mark.parametrize(
    ("text", "place", "why", "meant"),
    [
        ("User/De-Repo:v1", 1, "a repository name is lowercase", "user/de-repo:v1"),
        ("user/De-repo", 6, "a repository name is lowercase", "user/de-repo"),
        ("ghcr.io/User/repo:V1", 9, "a repository name is lowercase", "ghcr.io/user/repo:V1"),
        ("my repo/x", 3, "space", "my-repo/x"),
        (" user/repo", 1, "space", "user/repo"),
        ("https://ghcr.io/user/repo:1", 1, "https://", "ghcr.io/user/repo:1"),
        ("https://hub.docker.com/r/user/repo", 1, "https://", "user/repo"),
        ("user/repo:", 10, 'the tag after the ":" is missing', "user/repo"),
        ("user/repo:1.0+build", 14, '"+" is not allowed in a tag', "user/repo:1.0-build"),
        ("user/repo:-v1", 11, "a tag cannot start with", "user/repo:v1"),
        ("user/repo:" + "a" * 129, 139, "at most 128", "user/repo:" + "a" * 128),
        ("user//repo", 6, "empty", "user/repo"),
        ("/user/repo", 1, "empty", "user/repo"),
        ("user/repo/", 10, "empty", "user/repo"),
        ("user_/repo", 5, "a part starts and ends", "user/repo"),
        ("user/_repo", 6, "a part starts and ends", "user/repo"),
        ("user/de._repo", 8, "mixture", "user/de.repo"),
        ("user/de___repo", 8, "mixture", ""),
        ("user/re&po", 8, '"&" is not allowed', "user/re-po"),
        ("user/réseau", 7, '"é" is not allowed', ""),
        ("user/repo@sha256:abc", 11, "64 lowercase", ""),
        ("example.com:50a0/x", 1, "not a registry", ""),
        ("f" * 64, 1, "image ID", ""),
        ("", 1, "empty", ""),
        ("a" * 300, 256, "at most 255", ""),
    ],
)
def test_the_error_for_an_invalid_reference_says_where_why_and_what_was_meant(
    text, place, why, meant
):
    with pytest.raises(UsageError) as caught:
        Reference.parse(text)

    error = caught.value
    assert error.exit_code == ExitCode.USAGE
    assert error.where == f"character {place}"
    assert why in error.message
    assert error.hint == (f'did you mean "{meant}"?' if meant else error.hint)
    assert ("did you mean" in error.hint) == bool(meant)
    if meant:
        Reference.parse(meant)


def test_the_caret_is_below_the_wrong_character():
    with pytest.raises(UsageError) as caught:
        Reference.parse("user/De-repo")

    text, caret = caught.value.details.splitlines()
    assert text[caret.index("^")] == "D"


def test_control_characters_do_not_reach_the_terminal():
    with pytest.raises(UsageError) as caught:
        Reference.parse("user/\x1b[31mrepo\n")

    assert caught.value.message.isprintable()


@settings(deadline=None)
@given(references().filter(accepted_by_the_grammar))  # "a.b_c/d" begins like a host
def test_parsing_and_formatting_again_changes_nothing(text):
    once = Reference.parse(text)

    assert Reference.parse(str(once)) == once
    assert Reference.parse(f"{once.registry}/{once.path}").repository == once.repository


@settings(deadline=None)
@given(st.one_of(st.text(), st.text("abAB01._-:/@ [é", max_size=30), references()))
@example("a" * 255)
@example("docker.io/" + "a" * 245)
@example("docker.io/" + "a" * 237)
@example("docker.io/" + "a" * 238)
@example("localhost:5000/")
@example("ab:cd/ef")
@example("a@sha256:" + "A" * 64)
@example("a\n")
@example("²/x")
def test_exactly_what_the_official_grammar_accepts_is_accepted(text):
    try:
        Reference.parse(text)
    except UsageError as error:
        place = int(error.where.removeprefix("character "))
    else:
        place = 0

    assert place <= len(text) + 1
    assert (place == 0) == accepted_by_the_grammar(text)


@settings(deadline=None)
@given(st.text("aAbB01._-:/@ +&", max_size=25))
def test_the_suggestion_is_always_a_valid_reference(text):
    try:
        Reference.parse(text)
    except UsageError as error:
        meant = re.fullmatch(r'did you mean "(.+)"\?', error.hint)
        if meant:
            Reference.parse(meant[1])


def is_one_url_path(text):
    """Whether an HTTP server takes `text` in a path as it is, without cleaning it up."""
    return not {"", ".", ".."} & set(text.split("/"))


@pytest.mark.engine
@settings(deadline=None, max_examples=60)
@given(st.text("abAB01._-:/", min_size=1, max_size=20).filter(is_one_url_path))
@example("user/de-repo:v1")
@example("User/repo")
@example("a__b")
@example("a___b")
@example("a-.b")
@example("localhost:5000/x")
@example("localhost:50a0/x")
@example("x@" + DIGEST)
@example("docker.io/" + "a" * 237)
@example("docker.io/" + "a" * 238)
def test_the_engine_accepts_the_same_references(engine_says_valid, text):
    try:
        Reference.parse(text)
    except UsageError:
        ours = False
    else:
        ours = True

    assert engine_says_valid(text) == ours


@pytest.fixture(scope="session")
def engine_says_valid(engine):
    api = engine.api

    def judge(text):
        # Looking at an image: 404 for a name that nothing has, 400 for what is no name.
        response = api._get(api._url("/images/{0}/json", text))
        assert response.status_code in {200, 400, 404}, response.text
        return response.status_code != 400

    return judge


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"user/de-repo:v1@{DIGEST}", 'remove it: "user/de-repo:v1"'),
        ("hub.docker.com/r/user/de-repo", 'did you mean "user/de-repo"?'),
        ("hub.docker.com/repository/docker/user/de-repo", 'did you mean "user/de-repo"?'),
    ],
)
def test_a_push_target_cannot_be_a_digest_or_a_web_page(text, hint):
    with pytest.raises(UsageError) as caught:
        push_target(text)

    assert (caught.value.hint, caught.value.where) == (hint, "--repo")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (None, "docker.io"),
        ("", "docker.io"),
        ("docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("hub.docker.com", "docker.io"),
        ("https://ghcr.io/", "ghcr.io"),
        ("ghcr.io/user", "ghcr.io"),
        ("localhost:5000", "localhost:5000"),
    ],
)
def test_a_login_accepts_the_registry_as_people_paste_it(text, host):
    assert registry_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["localhost:5977", "localhost", "127.0.0.1:5000", "ghcr.io", "registry.example.com:5000"],
)
def test_a_registry_without_a_repository_is_not_docker_hubs_image_of_that_name(text):
    with pytest.raises(UsageError, match="a registry without a repository") as caught:
        push_target(text)
    assert f'"{text}/user/de-repo"' in caught.value.hint


@pytest.mark.parametrize("text", ["ubuntu:5000", "my.flow", "flow:1.0", "team/ghcr.io", "a.b:v1"])
def test_a_name_at_docker_hub_is_not_a_registry(text):
    assert push_target(text).registry == "docker.io"


def test_a_login_without_a_valid_host_is_a_usage_error():
    with pytest.raises(UsageError, match="not a registry"):
        registry_host("my registry")


def test_dockers_configuration_has_its_own_name_for_docker_hub():
    assert server_address("docker.io") == "https://index.docker.io/v1/"
    assert server_address("ghcr.io") == "ghcr.io"
