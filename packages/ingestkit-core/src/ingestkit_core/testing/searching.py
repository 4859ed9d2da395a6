"""What every DocumentStore is held to when it is searched: by words, by vectors, by both. See ``stores``."""

from __future__ import annotations

import pytest

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.keys import hash_text
from ingestkit_core.stores.base import (
    DocumentStore,
    QueryError,
)
from ingestkit_core.testing.versions import found, version

__all__ = ["SearchContract"]


class SearchContract:
    """The promises about searching, one test each."""

    def test_what_is_committed_is_found_with_its_citation(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["solar panels on the roof", "nothing else"]))
        (hit,) = store.search("panels roof")
        assert (hit.source_uri, hit.text) == ("/a.txt", "solar panels on the roof")
        assert hit.metadata["locations"] == [{"page_number": 1, "box": [0.0, 0.0, 100.0, 12.0]}]
        assert hit.metadata["ingest_run_id"] == "run"

    def test_all_words_come_before_any_word(self, store: DocumentStore) -> None:
        store.replace(version("/one.txt", ["panels panels panels"]))
        store.replace(version("/both.txt", ["a roof of many things among which panels"]))
        assert found(store, "panels roof") == ["/both.txt", "/one.txt"]

    def test_english_is_stemmed_and_other_languages_are_not(self, store: DocumentStore) -> None:
        store.replace(version("/en.txt", ["the shipping of batteries"], language="en"))
        store.replace(version("/de.txt", ["Angebote und Häuser"], language="de"))
        assert found(store, "ship battery") == ["/en.txt"]
        assert found(store, "häuser") == ["/de.txt"]
        assert found(store, "hauser") == ["/de.txt"]
        assert found(store, "angebot") == []

    @pytest.mark.parametrize(
        ("text", "queries", "misses"),
        [
            ("东京都政府发布了太阳能计划", ["太阳能", "东京", "计划", "京"], ["月球"]),
            ("東京都庁は太陽電池を発表した", ["太陽電池", "都庁", "庁"], ["大阪"]),
            ("แผงโซลาร์เซลล์บนหลังคา", ["โซลาร์", "หลังคา"], ["ทะเล"]),
            ("서울특별시 태양광 사업", ["태양광", "서울"], ["부산"]),
            ("الألواح الشمسية على السطح", ["الشمسية", "السطح"], ["القمر"]),
        ],
    )
    def test_scripts_without_spaces(
        self, store: DocumentStore, text: str, queries: list[str], misses: list[str]
    ) -> None:
        store.replace(version("/x.txt", [text]))
        assert all(found(store, query) == ["/x.txt"] for query in queries)
        assert all(found(store, query) == [] for query in misses)

    @pytest.mark.parametrize(
        "text",
        ["", "   ", '"', "AND", "NEAR(a b)", "a*", "^x", "col:x", "-", "(", "a OR", "\x00", "'; --", "🌞", "{a}"],
    )
    def test_any_text_may_be_searched_for(self, store: DocumentStore, text: str) -> None:
        store.replace(version("/a.txt", ["a or and near x"]))
        store.search(text)

    def test_tenants_do_not_see_each_other(self, store: DocumentStore) -> None:
        for tenant in ("red", "blue"):
            store.replace(version("/a.txt", [f"{tenant} secret"], tenant=tenant, rows=[(tenant, 1)]))
        assert len(store.search("secret")) == 2
        (hit,) = store.search("secret", tenant_id="red")
        assert hit.tenant_id == "red"
        (red,) = store.tables("red")
        (blue,) = store.tables("blue")
        assert red.table_name != blue.table_name
        assert store.query(f'SELECT label FROM "{red.table_name}"', "red").rows == (("red",),)
        with pytest.raises(QueryError):
            store.query(f'SELECT label FROM "{blue.table_name}"', "red")
        with pytest.raises(QueryError, match="tenant"):
            store.query("SELECT 1")

    def test_filters(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["same words"], language="en"))
        store.replace(version("/b.txt", ["same words"], language="de"))
        assert found(store, "same", filters={"source_uri": "/b.txt"}) == ["/b.txt"]
        assert found(store, "same", filters={"language": "en"}) == ["/a.txt"]
        assert found(store, "same", filters={"language": "x' OR 1"}) == []

    def test_vectors_join_the_words(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha"], vectors=[[1.0, 0.0]]))
        store.replace(version("/b.txt", ["beta"], vectors=[[0.0, 1.0]]))
        assert [hit.source_uri for hit in store.search("", vector=[0.1, 0.9])][0] == "/b.txt"
        assert [hit.source_uri for hit in store.search("alpha", vector=[1.0, 0.0])][0] == "/a.txt"
        assert set(store.known_vectors("model", [hash_text("alpha"), hash_text("gone")])) == {hash_text("alpha")}
        store.remove(None, "/a.txt")
        assert store.known_vectors("model", [hash_text("alpha")]) == {}

    def test_another_embedder_is_made_ready_beside_the_one_in_use(self, store: DocumentStore) -> None:
        assert store.embedder() is None
        store.replace(version("/a.txt", ["alpha", "twice"], vectors=[[1.0, 0.0], [0.5, 0.5]]))
        store.replace(version("/b.txt", ["beta", "twice"], vectors=[[0.0, 1.0], [0.5, 0.5]]))
        other = ("other", 3)
        waiting = dict(store.unembedded(other, 10))
        assert waiting == {hash_text(text): text for text in ("alpha", "beta", "twice")}
        assert len(store.unembedded(other, 2)) == 2
        store.add_vectors(other, {hash_text("alpha"): [0.0, 0.0, 1.0], hash_text("twice"): [0.0, 1.0, 0.0]})
        assert store.unembedded(other, 10) == [(hash_text("beta"), "beta")]
        assert store.switch_embedder(other, {"fp": "new fp"}) is False
        record = store.find(None, "/a.txt")
        assert (store.embedder(), record and record.state.fingerprint) == (("model", 2), "fp")
        assert [hit.text for hit in store.search("", vector=[1.0, 0.0])][0] == "alpha"
        store.add_vectors(other, {hash_text("beta"): [1.0, 0.0, 0.0]})
        assert store.switch_embedder(other, {"fp": "new fp"}) is True
        record = store.find(None, "/a.txt")
        assert (store.embedder(), record and record.state.fingerprint) == (other, "new fp")
        assert [hit.text for hit in store.search("", vector=[0.0, 0.0, 1.0])][0] == "alpha"
        assert store.known_vectors("model", [hash_text("alpha")]) == {}
        assert store.status().vectors == 3

    def test_vectors_in_the_making_are_not_searched(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha", "beta"], vectors=[[1.0, 0.0], [0.0, 1.0]]))
        other = ("other", 2)
        store.add_vectors(other, {hash_text("alpha"): [0.0, 1.0], hash_text("beta"): [1.0, 0.1]})
        best = [hit.text for hit in store.search("", vector=[1.0, 0.1])]
        assert best == ["alpha", "beta"]
        assert store.status().vectors == 2
        assert store.switch_embedder(other, {}) is True
        assert [hit.text for hit in store.search("", vector=[1.0, 0.1])] == ["beta", "alpha"]

    def test_all_vectors_may_go(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha"], vectors=[[1.0, 0.0]]))
        assert store.switch_embedder(None, {}) is True
        assert (store.embedder(), store.status().vectors) == (None, 0)
        assert found(store, "alpha") == found(store, "alpha", vector=[1.0, 0.0]) == ["/a.txt"]
        store.replace(version("/b.txt", ["beta"], vectors=[[1.0, 0.0, 0.0]]))
        assert store.embedder() == ("model", 3)

    def test_vectors_of_another_size_are_refused_before_anything_is_written(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha"], vectors=[[1.0, 0.0]]))
        with pytest.raises(StoreError) as refused:
            store.replace(version("/b.txt", ["beta"], vectors=[[1.0, 0.0, 0.0]]))
        assert refused.value.code is ErrorCode.E_STORE_DIMENSION
        mixed = version("/b.txt", ["beta", "gamma"], vectors=[[1.0, 0.0], [1.0, 0.0, 0.0]])
        with pytest.raises(StoreError) as refused:
            store.replace(mixed)
        assert refused.value.code is ErrorCode.E_STORE_DIMENSION
        assert store.find(None, "/b.txt") is None

    def test_a_chunk_keeps_every_character(self, store: DocumentStore) -> None:
        text = "before\x00after \uffff1 \\N \t tab, line\nbreak, 𝔘nicode, \u2028"
        store.replace(version("/a.txt", [text], language="x\x00y"))
        (hit,) = store.search("before", filters={"source_format": "text"})
        assert (hit.text, hit.metadata["language"]) == (text, "x\x00y")
