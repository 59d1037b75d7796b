"""Reading a ``prefect.yaml``: values as Prefect reads them, with the line of every key."""

from __future__ import annotations

import pytest
import yaml

from flowship.errors import ConfigError
from flowship.project.prefect_yaml.document import read

MERGED = """\
definitions:
  pools:
    docker: &docker
      name: docker-pool
      job_variables: {image: "a"}
deployments:
- name: one
  work_pool:
    <<: *docker
    name: other
- name: two
  paused: yes
"""


def written(folder, text):
    path = folder / "prefect.yaml"
    path.write_text(text)
    return path


def test_the_values_are_those_that_prefects_own_reader_gives(tmp_path):
    assert read(written(tmp_path, MERGED)) == yaml.safe_load(MERGED)


def test_each_key_and_item_has_its_line_and_a_merged_key_that_of_its_anchor(tmp_path):
    content = read(written(tmp_path, MERGED))
    deployments = content["deployments"]
    assert content.line_of("deployments") == 6
    assert deployments.lines == [7, 11]
    assert deployments[1].line_of("paused") == 12
    pool = deployments[0]["work_pool"]
    assert (pool.line_of("name"), pool.line_of("job_variables")) == (10, 5)
    assert deployments[1].line_of("tags") == 11  # of the mapping, for a key that it does not have


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: [1\nb: 2\n", "expected ',' or ']'", ":2:2"),
        ("a: *missing\n", "undefined alias", ":1:4"),
        ("- a\n", "its top is not a mapping", ""),
        ("", "it is empty", ""),
        ("# nothing\n", "it is empty", ""),
        ("a: !!python/object:os.system {}\n", "could not determine a constructor", ":1:4"),
        ("a: \x01\n", "special characters are not allowed", ""),
        (f"a: {'[' * 3000}{']' * 3000}\n", "nested too deeply", ""),
        ("a: &a [*a]\n", "recursive", ":1:4"),
        ("".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" if n else "a0: &a0 1\n"
                 for n in range(9)), "too many values", ""),
        ("? [1, 2]\n: 3\n", None, ""),
    ],
)  # fmt: skip
def test_what_is_not_yaml_is_refused_with_its_place(tmp_path, text, message, place):
    path = written(tmp_path, text)
    if message is None:
        assert read(path) == {"[1, 2]": 3}
        return
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert message in caught.value.message
    assert caught.value.where == f"{path}{place}"
    assert caught.value.code == "prefect-yaml-invalid"
