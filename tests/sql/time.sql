-- Dates, times and intervals: text both ways, as the session writes them.
CREATE SCHEMA "time";
SET search_path = "time";
DO LANGUAGE plpgsql $$
DECLARE type text;
BEGIN
    FOREACH type IN ARRAY '{date, time, timetz, timestamp, timestamptz, interval}'::text[]
    LOOP
        EXECUTE format('CREATE FUNCTION seen(value %s) RETURNS text LANGUAGE pybox AS %L', type, 'return repr(value)');
        EXECUTE format('CREATE FUNCTION made(python text, type %1$s) RETURNS %1$s LANGUAGE pybox AS %2$L', type,
            E'from datetime import date, datetime, time, timedelta, timezone\nreturn eval(compile(python, "expression", "eval"))');
    END LOOP;
END $$;
SET timezone = 'Europe/Berlin';
SET datestyle = 'ISO, DMY';
SELECT seen(date '2020-02-29'), seen(date '-infinity'), seen(date '0044-03-15 BC'), seen(time '24:00'), seen(timetz '12:30:00.5+05:30');
SELECT seen(timestamp '2020-02-29 12:30:00.000001'), seen(timestamptz '2020-07-01 12:00Z'), seen(timestamptz 'infinity'),
    seen(interval '1 year -2 days 03:04:05.6');
SELECT made('date(2020, 2, 29)', NULL::date), made('datetime(2020, 2, 29, 12, 30)', NULL::date), made('time(12, 30, 0, 5)', NULL::time),
    made('"12:30+02"', NULL::timetz), made('"infinity"', NULL::date), made('None', NULL::date);
SELECT made('datetime(2020, 7, 1, 12, tzinfo=timezone.utc)', NULL::timestamptz), made('datetime(2020, 7, 1, 12)', NULL::timestamptz),
    made('datetime(2020, 1, 1, 0, 0, 0, 123456)', NULL::timestamp);
SELECT made('timedelta(days=400, hours=30, microseconds=5)', NULL::interval), made('timedelta(-1)', NULL::interval),
    made('"1 mon 2 h"', NULL::interval);
SELECT made('20200229', NULL::date);
SELECT made('"30.02.2020"', NULL::date);
SELECT made('date(1, 1, 1)', NULL::time);
SELECT made('0', NULL::timestamp);
SELECT made('timedelta.max', NULL::interval);

-- Precision is of columns
CREATE TABLE event (at timestamptz(0), lasts interval hour to minute);
CREATE FUNCTION event_made(python text) RETURNS event LANGUAGE pybox AS 'return eval(python)';
SELECT event_made('("2020-01-01 00:00:00.6+01", "1:02:03")'), event_made('(None, None)');

-- As the session has it
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET timezone = 'UTC';
SELECT seen(date '2020-02-29'), seen(timestamptz '2020-07-01 12:00Z'), seen(interval '1 year -2 days 03:04:05.6');
SELECT made('"1.2.2020"', NULL::date);
CREATE FUNCTION asked() RETURNS text LANGUAGE pybox AS $$
plan = plpy.prepare("SELECT $1 + '1 day' AS later, date_trunc('hour', $2) AS hour", ["timestamp", "timestamptz"])
return repr(plan.execute(["2020-12-31 10:00", "2020-12-31 10:30Z"])[0])
$$;
SELECT asked();
