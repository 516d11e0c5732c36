-- Types and data that both languages share; by a superuser. Three series of 1,000,001 points.
CREATE TYPE pair AS (name text, value int);
CREATE TYPE fit AS (slope float8, intercept float8, r float8, p float8, stderr float8);

CREATE TABLE points AS
SELECT s.series, i, i::float8 / 1000000 AS x,
       CASE s.series WHEN 1 THEN 2 * (i::float8 / 1000000) + 1
                     WHEN 2 THEN sin(i::float8 / 100000)
                     ELSE sin(i::float8 / 100000) + 100 END AS y
FROM (VALUES (1), (2), (3)) AS s(series), generate_series(0, 1000000) AS i;

VACUUM (ANALYZE, FREEZE) points;
GRANT SELECT ON points TO PUBLIC;
