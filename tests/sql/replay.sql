-- A child that speaks for itself: it records what the interpreter sends and sends it again, in an order, number and shape
-- of its own, without waiting for replies. Whatever it says, it can only spoil its own call.
CREATE SCHEMA replay;
SET search_path = replay;
CREATE TABLE done (what text);
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO replay.done VALUES ('before');
    BEGIN
        EXECUTE query;
        INSERT INTO replay.done VALUES ('after');
        RETURN 'no error';
    EXCEPTION WHEN query_canceled OR OTHERS THEN
        INSERT INTO replay.done VALUES ('caught');
        RETURN SQLSTATE || ': ' || SQLERRM;
    END;
END $$;

-- script: "frame*times" in sequence, frames by the names that are recorded below, or with their payload changed:
-- "name=hex"; "call:name" names another call. When all is read, the interpreter is gone.
CREATE FUNCTION replay(script text) RETURNS text LANGUAGE pyboxu AS $$
import ctypes, os, stat, struct
RING, TO_BACKEND, DATA = 256 * 1024, 384, 4096 + 256 * 1024  # as in sandbox/wire.h
line = next(line for line in open("/proc/self/maps") if "pybox-wire" in line)
map = int(line.split("-")[0], 16)
produced, consumed = (ctypes.c_uint64.from_address(map + TO_BACKEND + at) for at in (0, 64))
ring = (ctypes.c_uint8 * RING).from_address(map + DATA)
def read(start, size):
    return bytes(ring[(start + i) % RING] for i in range(size))
def frames_since(start):
    while start < produced.value:
        frame = read(start, 16 + struct.unpack("I", read(start, 4))[0])
        start += len(frame)
        yield frame
def record(act):
    start = produced.value
    value = act()
    return value, list(frames_since(start))[-1]
if script == "record":
    GD["end"] = produced.value  # where the frame of this call's result will stand
    return
known = {"result": next(frames_since(GD["end"]))}
s = plpy.subtransaction()
known["enter"] = record(s.enter)[1]
known["exit"] = record(lambda: s.exit(None, None, None))[1]
s = plpy.subtransaction()
s.enter()
known["rollback"] = record(lambda: s.exit(1, 2, 3))[1]
known["insert"] = record(lambda: plpy.execute("INSERT INTO replay.done VALUES ('replayed')"))[1]
cursor, known["open"] = record(lambda: plpy.cursor("SELECT g FROM generate_series(1, 5) g"))
known["fetch"] = record(lambda: cursor.fetch(1))[1]
known["close"] = record(lambda: plpy.cursor("SELECT 1").close())[1]
def ends():
    try:
        plpy.commit()
    except plpy.SPIError:
        pass
known["commit"] = record(ends)[1]
start = produced.value
del cursor
plpy.execute("SELECT 1")
known["free"] = next(frames_since(start))
cursor = plpy.cursor("SELECT g FROM generate_series(1, 5) g")
own = record(lambda: cursor.fetch(1))[1][16:20]
for name in ("fetch", "close", "free"):
    known[name] = known[name][:16] + own + known[name][20:]
call = struct.unpack("Q", known["enter"][8:16])[0]
known["result"] = known["result"][:8] + known["enter"][8:16] + known["result"][16:]
def frame_of(word):
    name, _, payload = word.partition("=")
    other, name = name.startswith("call:"), name.removeprefix("call:")
    payload = bytes.fromhex(payload) if "=" in word else known[name][16:]
    of = struct.pack("Q", call + 1) if other else known[name][8:16]
    return struct.pack("I", len(payload)) + known[name][4:8] + of + payload
sent = b"".join(frame_of(word.split("*")[0]) * int(word.split("*")[1] if "*" in word else 1)
                for word in script.replace("result", "free result").split())
try:
    for i, byte in enumerate(sent):
        ring[(produced.value + i) % RING] = byte
    produced.value += len(sent)
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, b"w")
        except OSError:
            pass
    while consumed.value != produced.value:
        pass
finally:
    os._exit(0)
$$;
CREATE FUNCTION replayed(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE told text; found text; BEGIN
    PERFORM replay.outcome('SELECT replay.replay(''record'')') FROM generate_series(1, 2); -- the last one may be found dead
    TRUNCATE replay.done;
    told = replay.outcome(format('SELECT replay.replay(%L)', script));
    SELECT string_agg(what, ', ') INTO found FROM replay.done;
    RETURN told || ' / ' || found;
END $$;

-- Requests in an order that Python does not know
SELECT replayed('result');
SELECT replayed('insert result');
SELECT replayed('exit*3 rollback*3 insert result');
SELECT replayed('enter insert rollback insert rollback result');
SELECT replayed('enter*2 insert exit insert rollback*5 insert result');
SELECT replayed('enter insert enter insert result');
SELECT replayed('commit enter commit rollback*2 insert result');
-- Far too many
SELECT replayed('insert enter*5000 insert result');
SELECT replayed('exit*5000 insert result');
SELECT replayed('open*1500 result');
-- Cursors of others, and of nobody
SELECT replayed('fetch*9 close*2 fetch free*2 fetch insert result');
SELECT replayed('free close free*3 fetch insert result');
SELECT replayed('fetch=0000000001000000 close=ffffffff free=00000000 fetch=ffffffffffffff7f insert result');
SELECT replayed('enter open fetch rollback fetch insert result');
-- Malformed
SELECT replayed('insert enter= result');
SELECT replayed('enter=09 result');
SELECT replayed('commit=09 result');
SELECT replayed('commit= result');
SELECT replayed('enter insert fetch=00 result');
SELECT replayed('close=00 result');
SELECT replayed('free=00 insert result');
SELECT replayed('open=ff000000 result');
SELECT replayed('enter*3 call:insert result');
SELECT replayed('enter*3 call:free result');
SELECT replayed('enter insert');

-- and the session is as good as new
SELECT count(*) FROM pybox.activity WHERE pid = pg_backend_pid();
SELECT count(*) FROM pg_cursors WHERE name LIKE '<unn%';
DO LANGUAGE pyboxu $$
with plpy.subtransaction():
    plpy.notice(list(plpy.cursor("SELECT 1 AS a")))
$$;
