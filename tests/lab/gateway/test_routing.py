from __future__ import annotations

import pytest

from harness.lab.gateway.routing import PathTree, longest_base_path, segments


@pytest.fixture
def tree():
    tree = PathTree()
    for path in ("/", "/data", "/data/{pk}", "/data/fixed", "/data/{pk}/parts/{part}", "/files/{rest+}"):
        tree.add(path, path)
    return tree


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", ("/", {})),
        ("/data", ("/data", {})),
        ("/data/", ("/data", {})),
        ("/data/a%2Fb", ("/data/{pk}", {"pk": "a/b"})),
        ("/data/fixed", ("/data/fixed", {})),
        ("/data/fixed/parts/2", ("/data/{pk}/parts/{part}", {"pk": "fixed", "part": "2"})),
        ("/files/a/b", ("/files/{rest+}", {"rest": "a/b"})),
        ("/files", None),
        ("/data/a/parts", None),
        ("/data//parts/1", None),
    ],
)
def test_a_path_leads_to_its_resource_and_parameters(tree, path, found):
    assert tree.find(segments(path)) == found


@pytest.mark.parametrize(
    ("path", "base_path"),
    [("/v1/x", "v1"), ("/v1/deep/x", "v1/deep"), ("/v10/x", "(none)"), ("/", "(none)")],
)
def test_the_longest_base_path_wins_by_whole_segments(path, base_path):
    assert longest_base_path(["v1", "v1/deep", "(none)"], segments(path)) == base_path


def test_no_base_path_fits_without_a_root():
    assert longest_base_path(["v1"], ["x"]) is None
