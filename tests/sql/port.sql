-- PL/Python's names on pybox, functions that move from one Python language to another, and what stands in their way.
CREATE SCHEMA port;
SET search_path = port;
CREATE ROLE regress_port;
GRANT ALL ON SCHEMA port TO regress_port;

-- The languages
CREATE EXTENSION pybox_plpython3u;
SELECT * FROM pybox.languages ORDER BY language;
SELECT lanname, lanpltrusted, lanplcallfoid::regproc, laninline::regproc, lanvalidator::regproc
FROM pg_language WHERE lanname LIKE 'plpython%' ORDER BY lanname;
SELECT pg_describe_object(d.classid, d.objid, 0) AS object, obj_description(d.objid, c.relname) FROM pg_depend d
JOIN pg_class c ON c.oid = d.classid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pybox_plpython3u')
ORDER BY pg_describe_object(d.classid, d.objid, 0) COLLATE "C";

DO LANGUAGE plpython3u $$ plpy.info("under its old name") $$;
DO LANGUAGE plpythonu $$ plpy.info("under its oldest name") $$;
CREATE FUNCTION whoami() RETURNS TABLE (function text, language text) LANGUAGE plpython3u AS $$
return plpy.execute("SELECT function, language FROM pybox.activity WHERE pid = pg_backend_pid()")
$$;
SELECT * FROM whoami();
CREATE FUNCTION broken() RETURNS int LANGUAGE plpythonu AS $$ print 1 $$;
CREATE FUNCTION raises() RETURNS int LANGUAGE plpythonu AS $$ return 1 / 0 $$;
SELECT raises();
SELECT plpython3_validator('whoami()'::regprocedure);

-- Nobody but a superuser writes in them
SET ROLE regress_port;
CREATE FUNCTION not_mine() RETURNS int LANGUAGE plpython3u AS 'return 1';
RESET ROLE;
GRANT USAGE ON LANGUAGE plpython3u TO regress_port;

-- A name that is taken
CREATE EXTENSION pybox_plpython3u;
DROP EXTENSION pybox_plpython3u CASCADE;
CREATE LANGUAGE plpythonu HANDLER pyboxu_call_handler INLINE pyboxu_inline_handler VALIDATOR pyboxu_validator;
CREATE EXTENSION pybox_plpython3u;
DROP LANGUAGE plpythonu;
CREATE EXTENSION pybox_plpython3u;

-- One statement moves a function; all but its language stays
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION "odd ""name"" LANGUAGE plpython3u"(
    x int, OUT y text, INOUT z text DEFAULT E') \n LANGUAGE plpython3u\nAS $function$', VARIADIC rest pair[] DEFAULT '{}')
LANGUAGE plpython3u IMMUTABLE LEAKPROOF STRICT SECURITY DEFINER PARALLEL SAFE COST 7
SET search_path = port, pg_temp SET work_mem = '1MB' AS $function$
# LANGUAGE plpython3u $$ $x$
return {"y": "of %s" % x, "z": z[:1]}
$function$;
COMMENT ON FUNCTION "odd ""name"" LANGUAGE plpython3u" IS 'stays';
ALTER FUNCTION "odd ""name"" LANGUAGE plpython3u" OWNER TO regress_port;
REVOKE ALL ON FUNCTION "odd ""name"" LANGUAGE plpython3u" FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "odd ""name"" LANGUAGE plpython3u" TO pg_monitor WITH GRANT OPTION;
CREATE VIEW dependent AS SELECT * FROM "odd ""name"" LANGUAGE plpython3u"(1);
CREATE PROCEDURE proc(INOUT x int) LANGUAGE plpython3u AS 'return (x + 1,)';
CREATE FUNCTION rows_of() RETURNS SETOF int LANGUAGE plpython3u STABLE ROWS 3 AS 'return [1, 2, 3]';
ALTER FUNCTION rows_of() DEPENDS ON EXTENSION plpgsql;
CREATE VIEW state AS
SELECT p.oid, p.proname, p.prosrc, p.proowner::regrole, p.proacl, p.proconfig, p.procost, p.prorows, p.provolatile, p.proparallel,
    p.prosecdef, p.proleakproof, p.proisstrict, p.proretset, p.prokind, p.prorettype, p.proargtypes, p.proallargtypes,
    p.proargmodes, p.proargnames, p.provariadic, p.protrftypes, pg_get_function_arguments(p.oid) AS arguments,
    obj_description(p.oid) AS comment,
    (SELECT array_agg(d.refobjid ORDER BY d.refobjid) FROM pg_depend d
     WHERE d.objid = p.oid AND d.refclassid <> 'pg_language'::regclass) AS needs
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'port'::regnamespace AND l.lanname IN (SELECT language FROM pybox.languages);
CREATE TABLE before AS SELECT * FROM state;
SELECT p.oid::regprocedure, pybox.port(p.oid) AS was FROM pg_proc p JOIN before USING (oid) ORDER BY p.proname;
SELECT p.proname, l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN before b ON b.oid = p.oid ORDER BY p.proname;
SELECT count(*) AS differ FROM (TABLE before EXCEPT TABLE state) t;
SELECT * FROM dependent;
CALL proc(1);
SELECT * FROM rows_of();
-- and back, by way of the other one; to where it is already is nothing
SELECT count(pybox.port(oid, 'pyboxu')) FROM before;
SELECT count(pybox.port(oid, 'plpython3u')) FROM before;
SELECT DISTINCT pybox.port(oid, 'plpython3u') FROM before;
SELECT count(*) AS differ FROM (TABLE before EXCEPT TABLE state) t;
SELECT * FROM dependent;

-- nor do settings of the session get into it, and what is temporary moves too
SET standard_conforming_strings = off;
SET quote_all_identifiers = on;
SELECT count(pybox.port(oid)) FROM before;
RESET quote_all_identifiers;
RESET standard_conforming_strings;
SELECT count(pybox.port(oid, 'plpython3u')) FROM before;
SELECT count(*) AS differ FROM (TABLE before EXCEPT TABLE state) t;
CREATE FUNCTION pg_temp.briefly() RETURNS int LANGUAGE plpython3u AS 'return 4';
SELECT pybox.port('pg_temp.briefly()');
SELECT pg_temp.briefly();
DROP FUNCTION pg_temp.briefly();

-- What cannot be moved
SELECT pybox.port('lower(text)');
SELECT pybox.port('rows_of()', 'sql');
SELECT pybox.port(0::regprocedure);
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
SELECT pybox.port('total(int)');
-- with one's own rights only
CREATE FUNCTION of_superuser() RETURNS int LANGUAGE pybox AS 'return 1';
CREATE FUNCTION of_port() RETURNS int LANGUAGE plpython3u AS 'return 1';
ALTER FUNCTION of_port() OWNER TO regress_port;
SET ROLE regress_port;
SELECT pybox.port('of_superuser()', 'pyboxu');
SELECT pybox.port('rows_of()');
SELECT pybox.port('of_port()', 'pyboxu');
SELECT pybox.port('of_port()');
SELECT pybox.port('of_port()', 'plpython3u');
SELECT of_port();
SELECT * FROM pybox.port_report();
RESET ROLE;
-- what does not compile does not move
SET check_function_bodies = off;
CREATE FUNCTION python2() RETURNS int LANGUAGE plpythonu AS $$
for i in xrange(3):
    print i
$$;
RESET check_function_bodies;
SELECT pybox.port('python2()');
DROP VIEW dependent, state;
DROP TABLE before;
DROP FUNCTION python2(), of_superuser(), of_port(), rows_of();
DROP FUNCTION "odd ""name"" LANGUAGE plpython3u";
DROP PROCEDURE proc;
DROP AGGREGATE total(int);

-- The report: nothing in these reaches outside
CREATE FUNCTION fine_sums(x float8[]) RETURNS float8 LANGUAGE plpython3u AS $$
import numpy as np
import math, json, re, collections
from decimal import Decimal
try:
    import cPickle as pickle
except ImportError:
    import pickle
import sys
if sys.version_info[0] < 3:
    range = xrange
total = sum(Decimal(i) for i in range(3))
SD.setdefault("plan", plpy.prepare("SELECT $1", ["int"]))
GD["time"] = __import__("time").time()
return np.sum(x) + math.pi
$$;
SELECT * FROM pybox.port_report();
DROP FUNCTION fine_sums;
CREATE FUNCTION fine_predicate(path text) RETURNS bool LANGUAGE plpythonu AS $$
import os.path
def helper(open, *rest):
    return open(rest)
return os.path.basename(path) == helper(str)
$$;

-- these do, by one way or another
CREATE FUNCTION outside_file(path text) RETURNS text LANGUAGE plpython3u AS $$
with open(path) as f:
    return f.read()
$$;
CREATE FUNCTION outside_constant() RETURNS text LANGUAGE plpython3u AS $$
open("/etc/passwd"), open("/no such file"), open("/tmp/x", mode="w"),
$$;
CREATE FUNCTION outside_alias(x text) RETURNS text LANGUAGE plpython3u AS $$
from os import system as shell
import subprocess as sp, socket
run = sp.check_output
make = socket.socket
for line in run([x]):
    shell(line)
return make().recv(1)
$$;
CREATE FUNCTION outside_hidden(x text) RETURNS text LANGUAGE plpython3u AS $$
def inner():
    import importlib
    return importlib.import_module("urllib.request").urlopen(x)
return getattr(__import__("os"), "popen")(x), list(map(__import__("os").remove, [x])), inner()
$$;
CREATE FUNCTION outside_path() RETURNS text LANGUAGE plpython3u AS $$
from pathlib import Path
home = Path("/etc") / "passwd"
return home.read_text()
$$;
CREATE FUNCTION outside_caught() RETURNS text LANGUAGE plpython3u AS $$
import os
try:
    return os.popen("date").read()
except Exception as error:
    return None
$$;
CREATE FUNCTION outside_hiding() RETURNS text LANGUAGE plpython3u AS $$
import os
def inner(os, open=None):
    return os.system("true"), open("/etc/passwd")
call = other = lambda os: os.system("true")
one = two = os.system
return two("true")
$$;
CREATE FUNCTION outside_environment() RETURNS text LANGUAGE plpython3u AS $$
import os
os.environ["MINE"] = "1"
try:
    os.environ["NOT_SET"]
except KeyError:
    pass
return os.environ["PATH"] + os.environ.get("USER", "") + os.environ["PGDATA"]
$$;
CREATE FUNCTION outside_processes() RETURNS text LANGUAGE plpython3u AS $$
import os, multiprocessing, threading, concurrent.futures, signal, ctypes, sqlite3, mmap, resource, tempfile, asyncio
os.fork(); multiprocessing.Pool(2); concurrent.futures.ProcessPoolExecutor()
threading.Thread(target=int).start()
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
ctypes.CDLL(None)
sqlite3.connect(":memory:")
sqlite3.connect("/tmp/db")
mmap.mmap(-1, 1)
tempfile.mkdtemp()
asyncio.run(None)
os.kill(1, 9)
$$;

CREATE FUNCTION outside_members(x text) RETURNS text LANGUAGE plpython3u AS $$
import os, sys
class Runner:
    import subprocess as tool
    def __init__(self):
        self.system = os
    def run(self):
        return self.tool.check_output([x]), self.system.listdir("/etc")
sys.modules["os"].popen(x)
return Runner().run()
$$;
CREATE FUNCTION outside_machine(x text) RETURNS text LANGUAGE plpython3u AS $$
import getpass, locale, logging, multiprocessing, select, shutil, urllib.request, xml.dom.minidom
logging.basicConfig(filename="/tmp/log")
locale.setlocale(locale.LC_ALL, "")
multiprocessing.get_context("fork").Process(target=int)
return getpass.getuser(), select.epoll(), shutil.which("sh"), urllib.request.build_opener().open(x), xml.dom.minidom.parse(x)
$$;
-- a file in memory is none, and a log without a file either
CREATE FUNCTION fine_memory(x text) RETURNS text LANGUAGE plpython3u AS $$
import io, gzip, zipfile, logging, csv
import numpy as np
logging.basicConfig(level="INFO")
text = io.StringIO(x)
print(x, file=text)
zipfile.ZipFile(io.BytesIO(), "w").close()
gzip.GzipFile(fileobj=io.BytesIO(), mode="wb").close()
return np.loadtxt(text), next(csv.reader(io.StringIO(x)))
$$;

-- these do not work any more, or do not work here
CREATE FUNCTION never_imports() RETURNS text LANGUAGE plpython3u AS $$
import no_such_module.part, json
from json import no_such_name
from . import relative
try:
    import no_such_extra
except ImportError:
    plpy.error("needs no_such_extra")
$$;
SET check_function_bodies = off;
CREATE FUNCTION never_python2(x int) RETURNS text LANGUAGE plpythonu AS $$
import string
for i in xrange(x):
    plpy.no_such_call(unicode(i) + string.letters)
$$;
CREATE FUNCTION never_compiles() RETURNS text LANGUAGE plpythonu AS $$
x = 1
print x
$$;
CREATE FUNCTION never_nul() RETURNS text LANGUAGE plpython3u AS $$
	 return "	mixed
$$;
RESET check_function_bodies;

CREATE FUNCTION never_innocent() RETURNS text LANGUAGE plpython3u AS $$
import time
time.clock_settime(time.CLOCK_REALTIME, 0)
$$;

-- and these are worth a word
CREATE FUNCTION note_dynamic(x text) RETURNS text LANGUAGE plpython3u AS $$
import sys
sys.path.append("/opt")
if not x:
    plpy.fatal("no")
print(x)
return eval(x) or some_name
$$;
CREATE FUNCTION note_unseen(x text) RETURNS text LANGUAGE plpython3u AS $$
import importlib, operator, os, pickle
return importlib.import_module(x), getattr(os, x), operator.methodcaller("listdir")(os), pickle.loads(b"")
$$;
-- what may not run at all does not count, and a name that is nowhere is nowhere in any language
CREATE FUNCTION perhaps(x text) RETURNS text LANGUAGE plpython3u AS $$
def helper(path):
    return urljoin("/", path)
if x is None:
    return none
for letter in x:
    letter = unicode(letter)
while not x or missing:
    absent
return lost if x > "a" else gone
$$;
-- sys.path, as far as it can be read, and for that function alone
CREATE FUNCTION path_constant() RETURNS text LANGUAGE plpython3u AS $$
import sys
sys.path.insert(0, "/usr/share/python3")
from debpython import option
return option.__name__
$$;
CREATE FUNCTION path_none() RETURNS text LANGUAGE plpython3u AS $$
from debpython import option
return option.__name__
$$;
CREATE FUNCTION path_computed() RETURNS text LANGUAGE plpython3u AS $$
import site
site.addsitedir(plpy.execute("SHOW my.folder")[0]["my.folder"])
import no_such_helper
$$;
CREATE FUNCTION outside_server() RETURNS text LANGUAGE plpython3u AS $$
from wsgiref.simple_server import make_server
make_server("", 8080, None)
$$;
CREATE FUNCTION untrusted() RETURNS text LANGUAGE pyboxu AS $$ return __import__("os").listdir("/etc") $$;
CREATE FUNCTION trusted() RETURNS text LANGUAGE pybox AS $$ return __import__("os").listdir("/etc") $$;

\pset format unaligned
SELECT function, language, verdict, regexp_replace(array_to_string(reasons, E'\n    ', ''), 'uid not found: \d+', 'uid not found: UID') AS reasons FROM pybox.port_report();
\pset format aligned
-- with the functions that are in pyboxu already
SELECT * FROM pybox.port_report(true) WHERE language = 'pyboxu' AND function::text !~ '\.';
-- what it says is what happens
SELECT pybox.port('outside_constant()');
SELECT outside_constant();
SELECT pybox.port('fine_predicate(text)');
SELECT fine_predicate('/tmp/x');

-- Types that no Python language takes, transforms that are not there
SET check_function_bodies = off;
CREATE FUNCTION typed(x int, y cstring) RETURNS int LANGUAGE plpython3u AS 'return x';
CREATE FUNCTION typed_fine(x anyelement, y anyarray, z record) RETURNS anyelement LANGUAGE plpython3u AS 'return x';
CREATE FUNCTION typed_trigger() RETURNS trigger LANGUAGE plpython3u AS 'return TD["event"]';
RESET check_function_bodies;
SELECT * FROM pybox.port_report() WHERE function::text ~ '^typed';

-- Who may be given the report
GRANT EXECUTE ON FUNCTION pybox.port_report(boolean), pybox.port_try(boolean, oid[]), pybox.port_types(oid),
    pybox.port_probe(text), pybox.port_probe_untrusted(text) TO regress_port;
SET ROLE regress_port;
SELECT count(*) > 0 AS any FROM pybox.port_report();
RESET ROLE;

DROP EXTENSION pybox_plpython3u CASCADE;
SELECT count(*) FROM pybox.port_report();
REVOKE ALL ON FUNCTION pybox.port_report(boolean), pybox.port_try(boolean, oid[]), pybox.port_types(oid),
    pybox.port_probe(text), pybox.port_probe_untrusted(text) FROM regress_port;
\set VERBOSITY terse
DROP SCHEMA port CASCADE;
DROP ROLE regress_port;
