import pytest

from aiida_elyte.contracts.sampler import SamplerContract
from aiida_elyte.plugins import load


class TestMd(SamplerContract):
    @pytest.fixture
    def sampler(self):
        return load("samplers", "md")


class TestClusters(SamplerContract):
    @pytest.fixture
    def sampler(self):
        return load("samplers", "clusters")


class TestAttack(SamplerContract):
    @pytest.fixture
    def sampler(self):
        return load("samplers", "attack")
