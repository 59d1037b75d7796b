"""`flowship profile`: from one command to the next, in Prefect's own file."""

from __future__ import annotations

from support.commands import one_object

URL = "http://prefect.example.com:4200/api"


def test_an_address_is_stored_listed_used_and_shown(cli, home):
    stored = cli("profile", "set-api", URL, "--profile", "work", "--no-check")
    assert (stored.code, stored.stdout) == (0, f"{URL}\n")
    assert URL in (home / ".prefect" / "profiles.toml").read_text()
    assert cli("profile", "use", "work").code == 0
    listed = one_object(cli("profile", "ls", "--json").stdout)["profiles"]
    assert [p["name"] for p in listed if p["active"]] == ["work"]
    shown = cli("profile", "show")
    assert shown.code == 0
    assert URL in shown.stdout


def test_an_unknown_profile_is_a_usage_error(cli):
    for command in ("use", "show"):
        code, stdout, _ = cli("profile", command, "nope")
        assert (code, stdout) == (2, "")


def test_an_address_that_does_not_answer_is_not_stored(cli, home):
    done = cli("profile", "set-api", "http://127.0.0.1:9/api")
    assert (done.code, done.stdout) == (7, "")
    assert not (home / ".prefect" / "profiles.toml").exists()


def test_a_profile_that_an_environment_uses_need_not_be_active(cli, home, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "flowship.toml").write_text(
        'name = "p"\n[env.staging]\nprofile = "work"\n[env.qa]\nprofile = "work"\n'
    )
    command = ("profile", "set-api", URL, "--no-check", "--profile")
    used = cli(*command, "work", cwd=folder)
    assert used.code == 0
    assert "the project in this folder uses it in staging, qa" in used.stderr
    assert "activates it" not in used.stderr
    assert one_object(cli(*command, "work", "--json", cwd=folder).stdout)["used_by"] == [
        "staging",
        "qa",
    ]
    assert "`flowship profile use other` activates it" in cli(*command, "other", cwd=folder).stderr
    (folder / "flowship.toml").write_text('name = "p"\nprofile = "work"\n')
    assert "the project in this folder uses it\n" in cli(*command, "work", cwd=folder).stderr
    (folder / "flowship.toml").write_text("broken = [")
    assert cli(*command, "work", cwd=folder).code == 0
