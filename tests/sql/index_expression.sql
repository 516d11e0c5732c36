-- Functions in indexes, in statistics, and in what maintains them: as the table's owner.
CREATE SCHEMA index_expression;
SET search_path = index_expression;
CREATE ROLE regress_index_owner;
GRANT ALL ON SCHEMA index_expression TO regress_index_owner;

CREATE FUNCTION folded(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'return word.casefold()';
CREATE TABLE words (id int PRIMARY KEY, word text);
INSERT INTO words SELECT i, 'Word' || i FROM generate_series(1, 200) AS i;
CREATE INDEX words_folded ON words (folded(word));
CREATE UNIQUE INDEX CONCURRENTLY words_unique ON words (folded(word)) WHERE folded(word) <> 'word3';
CREATE INDEX words_covering ON words (folded(word), id DESC) INCLUDE (word);
ANALYZE words;
EXPLAIN (COSTS OFF) SELECT id FROM words WHERE folded(word) = 'word7';
SELECT id FROM words WHERE folded(word) = 'word7';
SELECT n_distinct, array_length(histogram_bounds, 1) AS bounds FROM pg_stats WHERE tablename = 'words_folded';
REINDEX INDEX words_folded;
REINDEX TABLE CONCURRENTLY words;
INSERT INTO words VALUES (201, 'WORD7');
INSERT INTO words VALUES (201, 'WORD3');
INSERT INTO words VALUES (202, 'word8') ON CONFLICT (folded(word)) WHERE folded(word) <> 'word3' DO UPDATE SET id = 203;
UPDATE words SET word = 'word9' WHERE id = 1;
SELECT id, word FROM words WHERE folded(word) IN ('word3', 'word8') ORDER BY id;
CREATE STATISTICS words_both ON folded(word), (id % 7) FROM words;
ANALYZE words;
SELECT statistics_name, n_distinct IS NOT NULL AS made FROM pg_stats_ext_exprs WHERE expr LIKE '%folded%';
VACUUM (FULL, ANALYZE) words;
CLUSTER words USING words_folded;
SELECT count(*) FROM words WHERE folded(word) LIKE 'word1%';

-- What it does not allow
CREATE FUNCTION volatile_folded(word text) RETURNS text LANGUAGE pybox AS 'return word.casefold()';
CREATE INDEX words_volatile ON words (volatile_folded(word));
CREATE FUNCTION raises(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS $$
if word == "Word5":
    raise ValueError(f"no key for {word}")
return word
$$;
CREATE INDEX words_raises ON words (raises(word));
CREATE INDEX CONCURRENTLY words_raises ON words (raises(word));
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'words'::regclass AND NOT indisvalid;
DROP INDEX words_raises;
CREATE FUNCTION writes(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS $$
plpy.execute("CREATE TABLE index_expression.trace (i int)")
return word
$$;
CREATE INDEX words_writes ON words (writes(word));
CREATE FUNCTION sorted_set(word text) RETURNS SETOF text IMMUTABLE LANGUAGE pybox AS 'return [word]';
CREATE INDEX words_set ON words (sorted_set(word));

-- Its owner's rights, whoever maintains it, and nothing that would stay
CREATE FUNCTION who(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS $$
row = plpy.execute("SELECT current_user AS u, session_user = current_user AS same")[0]
if word in ("w1", "new"):
    plpy.notice(f"{word}: {row['u']} {row['same']}")
return word + row["u"]
$$;
CREATE TABLE owned (word text);
INSERT INTO owned SELECT 'w' || i FROM generate_series(1, 3) AS i;
ALTER TABLE owned OWNER TO regress_index_owner;
CREATE INDEX owned_who ON owned (who(word));
ANALYZE owned;
REINDEX TABLE owned;
INSERT INTO owned VALUES ('new');
SELECT word FROM owned WHERE who(word) = 'w1regress_index_owner';
CREATE FUNCTION stays(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS $$
plpy.execute("SET work_mem = '1MB'")
return word
$$;
CREATE FUNCTION stays_by_config(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS $$
return plpy.execute("SELECT set_config('role', 'postgres', false) AS r")[0]["r"]
$$;
CREATE INDEX owned_stays ON owned (stays(word));
CREATE INDEX owned_stays ON owned (stays_by_config(word));

-- As exclusion constraint, BRIN, GIN and hash
CREATE FUNCTION letters(word text) RETURNS text[] IMMUTABLE LANGUAGE pybox AS 'return sorted(set(word))';
CREATE INDEX words_letters ON words USING gin (letters(word));
CREATE INDEX words_brin ON words USING brin (folded(word));
CREATE INDEX words_hash ON words USING hash (folded(word));
SET enable_seqscan = off;
SELECT count(*) FROM words WHERE letters(word) @> '{9,8}';
RESET enable_seqscan;
CREATE TABLE once (word text, EXCLUDE USING hash (folded(word) WITH =));
INSERT INTO once VALUES ('A'), ('b');
INSERT INTO once VALUES ('a');

-- Replaced: the index keeps what the old one said
CREATE OR REPLACE FUNCTION folded(word text) RETURNS text IMMUTABLE LANGUAGE pybox AS 'return word.upper()';
SELECT id FROM words WHERE folded(word) = 'word10';
REINDEX INDEX words_folded;
SELECT id FROM words WHERE folded(word) = 'WORD10';

DROP TABLE owned;
REVOKE ALL ON SCHEMA index_expression FROM regress_index_owner;
DROP ROLE regress_index_owner;
