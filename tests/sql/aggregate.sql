-- Functions that aggregates are made of, and aggregates over their results.
CREATE SCHEMA aggregate;
SET search_path = aggregate;

CREATE FUNCTION add(state float8, value float8) RETURNS float8 LANGUAGE pybox AS 'return (state or 0) + (value or 0)';
CREATE FUNCTION add_strict(state float8, value float8) RETURNS float8 STRICT LANGUAGE pybox AS 'return state + value';
CREATE AGGREGATE total (float8) (SFUNC = add, STYPE = float8);
CREATE AGGREGATE total_strict (float8) (SFUNC = add_strict, STYPE = float8);
SELECT total(i), total(i) FILTER (WHERE i > 3), total(DISTINCT i % 3) FROM generate_series(1, 5) AS i;
SELECT total(i), total_strict(i) FROM generate_series(1, 0) AS i;
SELECT total(i), total_strict(i) FROM (VALUES (NULL::int), (2), (NULL), (3)) AS v(i);
SELECT i % 2 AS odd, total(i), grouping(i % 2) FROM generate_series(1, 5) AS i GROUP BY ROLLUP (i % 2) ORDER BY 1;

-- A state that is an array, a row, jsonb, bytea: what a Python function can have
CREATE FUNCTION welford(state float8[], x float8) RETURNS float8[] STRICT LANGUAGE pybox AS $$
n, mean, m2 = state
n += 1
delta = x - mean
mean += delta / n
return [n, mean, m2 + delta * (x - mean)]
$$;
CREATE FUNCTION welford_merge(a float8[], b float8[]) RETURNS float8[] STRICT LANGUAGE pybox AS $$
if not a[0] or not b[0]:
    return a if a[0] else b
n = a[0] + b[0]
delta = b[1] - a[1]
return [n, a[1] + delta * b[0] / n, a[2] + b[2] + delta * delta * a[0] * b[0] / n]
$$;
CREATE FUNCTION welford_end(state float8[]) RETURNS float8 LANGUAGE pybox AS $$
return None if state[0] == 0 else round(state[2] / state[0], 9)
$$;
CREATE AGGREGATE variance_of (float8) (SFUNC = welford, STYPE = float8[], INITCOND = '{0,0,0}',
	COMBINEFUNC = welford_merge, FINALFUNC = welford_end, PARALLEL = SAFE);
SELECT variance_of(i), round(var_pop(i), 9) FROM generate_series(1, 10) AS i;
SELECT variance_of(i) FROM generate_series(1, 0) AS i;
CREATE TYPE extent AS (low int, high int);
CREATE FUNCTION extend(state extent, i int) RETURNS extent LANGUAGE pybox AS $$
if i is None:
    return state
return (i, i) if state is None else {"low": min(state["low"], i), "high": max(state["high"], i)}
$$;
CREATE AGGREGATE extent_of (int) (SFUNC = extend, STYPE = extent);
SELECT extent_of(i), (extent_of(i)).high FROM generate_series(3, 7) AS i;
CREATE FUNCTION count_word(state jsonb, word text) RETURNS jsonb LANGUAGE pybox AS $$
import json
counts = json.loads(state)
counts[word] = counts.get(word, 0) + 1
return json.dumps(counts)
$$;
CREATE AGGREGATE counts_of (text) (SFUNC = count_word, STYPE = jsonb, INITCOND = '{}');
SELECT counts_of(chr(97 + i % 3)) FROM generate_series(1, 5) AS i;
CREATE FUNCTION pickled(state bytea, i int) RETURNS bytea LANGUAGE pybox AS $$
import pickle
values = pickle.loads(state) if state else []
return pickle.dumps(values + [i])
$$;
CREATE FUNCTION unpickled(state bytea) RETURNS text LANGUAGE pybox AS $$
import pickle
return repr(pickle.loads(state)) if state else "nothing"
$$;
CREATE AGGREGATE list_of (int) (SFUNC = pickled, STYPE = bytea, FINALFUNC = unpickled);
SELECT list_of(i ORDER BY i DESC) FROM generate_series(1, 3) AS i;
CREATE FUNCTION internal_state(state internal, i int) RETURNS internal LANGUAGE pybox AS 'return state';
CREATE FUNCTION internal_argument(state internal, i int) RETURNS int LANGUAGE pybox AS 'return i';

-- Several arguments, VARIADIC, polymorphic
CREATE FUNCTION joined(state text, separator text, VARIADIC words text[]) RETURNS text LANGUAGE pybox AS $$
return separator.join(([state] if state else []) + words)
$$;
CREATE AGGREGATE join_all (text, VARIADIC text[]) (SFUNC = joined, STYPE = text);
SELECT join_all('-', 'a', i::text) FROM generate_series(1, 2) AS i;
CREATE FUNCTION keep_last(state anyelement, value anyelement) RETURNS anyelement LANGUAGE pybox AS 'return value';
CREATE AGGREGATE last_of (anyelement) (SFUNC = keep_last, STYPE = anyelement);
SELECT last_of(i ORDER BY i), last_of(i::text ORDER BY i), last_of(ARRAY[i, i] ORDER BY i) FROM generate_series(1, 3) AS i;

-- Ordered sets and hypothetical sets
CREATE FUNCTION collect(state float8[], value float8) RETURNS float8[] LANGUAGE pybox AS 'return (state or []) + [value]';
CREATE FUNCTION nth(state float8[], fraction float8) RETURNS float8 LANGUAGE pybox AS 'return state[round(fraction * (len(state) - 1))]';
CREATE AGGREGATE nth_of (float8 ORDER BY float8) (SFUNC = collect, STYPE = float8[], FINALFUNC = nth);
SELECT nth_of(0.5) WITHIN GROUP (ORDER BY i) FROM generate_series(1, 5) AS i;
SELECT nth_of(1) WITHIN GROUP (ORDER BY i DESC) FROM generate_series(1, 5) AS i;

-- As window functions: forwards only, and with an inverse
CREATE FUNCTION noted_add(state int, i int) RETURNS int LANGUAGE pybox AS $$
GD["forwards"] = GD.get("forwards", 0) + 1
return (state or 0) + i
$$;
CREATE FUNCTION noted_take(state int, i int) RETURNS int LANGUAGE pybox AS $$
GD["backwards"] = GD.get("backwards", 0) + 1
return None if i == 13 else state - i
$$;
CREATE FUNCTION noted() RETURNS text LANGUAGE pybox AS $$
said = f"{GD.pop('forwards', 0)} forwards, {GD.pop('backwards', 0)} backwards"
return said
$$;
CREATE AGGREGATE plain_sum (int) (SFUNC = noted_add, STYPE = int);
CREATE AGGREGATE moving_sum (int) (SFUNC = noted_add, STYPE = int, MSFUNC = noted_add, MINVFUNC = noted_take, MSTYPE = int);
SELECT i, plain_sum(i) OVER (ORDER BY i) AS running,
	total(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS around,
	rank() OVER (ORDER BY aggregate.keep_last(0, i % 2)) FROM generate_series(1, 4) AS i ORDER BY i;
SELECT noted();
SELECT plain_sum(i) OVER (ORDER BY i ROWS 2 PRECEDING) FROM generate_series(1, 6) AS i;
SELECT noted();
SELECT moving_sum(i) OVER (ORDER BY i ROWS 2 PRECEDING) FROM generate_series(1, 6) AS i;
SELECT noted();
SELECT moving_sum(i) OVER (ORDER BY i ROWS 1 PRECEDING) FROM generate_series(12, 15) AS i;
SELECT noted();
SELECT total(i) FILTER (WHERE i <> 2) OVER (PARTITION BY i % 2 ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM generate_series(1, 6) AS i;

-- SQL within a transition, an error in one, an aggregate within a function within an aggregate
CREATE TABLE factors AS SELECT i, i * 10 AS f FROM generate_series(1, 3) AS i;
CREATE FUNCTION add_factor(state int, i int) RETURNS int LANGUAGE pybox AS $$
total = plpy.execute(f"SELECT aggregate.total(f) AS t FROM aggregate.factors WHERE i <= {i}")[0]["t"]
return (state or 0) + int(total)
$$;
CREATE AGGREGATE total_factor (int) (SFUNC = add_factor, STYPE = int);
SELECT total_factor(i) FROM factors;
CREATE FUNCTION fails_at_two(state int, i int) RETURNS int LANGUAGE pybox AS $$
if i == 2:
    raise ValueError("two")
return i
$$;
CREATE AGGREGATE failing (int) (SFUNC = fails_at_two, STYPE = int);
SELECT failing(i) FROM factors;
SELECT failing(i) FILTER (WHERE i <> 2) FROM factors;

-- Over the results of functions, in HAVING, GROUP BY and ORDER BY
CREATE FUNCTION parity(i int) RETURNS text LANGUAGE pybox AS 'return "odd" if i % 2 else "even"';
SELECT parity(i), total(i), array_agg(parity(i + 1)) FROM generate_series(1, 5) AS i
	GROUP BY parity(i) HAVING total(i) > 1 ORDER BY parity(i);
SELECT DISTINCT parity(i) FROM generate_series(1, 5) AS i ORDER BY 1 DESC;
SELECT DISTINCT ON (parity(i)) i FROM generate_series(1, 5) AS i ORDER BY parity(i), i DESC;
CREATE FUNCTION returns_set(i int) RETURNS SETOF int LANGUAGE pybox AS 'return [i]';
CREATE AGGREGATE set_end (int) (SFUNC = fails_at_two, STYPE = int, FINALFUNC = returns_set);
