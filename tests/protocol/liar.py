"""A child that takes its interpreter's end of the wire over and speaks the protocol wrongly on purpose.

What any author of a function can do: find the interpreter's own state in its memory by ctypes, and from then on read and
write the rings in its place. 046_protocol.pl makes functions of it. LIES are named, one wrong thing each; chaos() makes up
exchanges from a seed: what is nearly right, and now and then what is plainly wrong.
"""
import ctypes
import os
import random
import select
import struct
import threading

RING = 256 * 1024
PAGE = 4096
BACKEND_SLEEPS, CHILD_SLEEPS, SPIN_US, LEASE_STATE, IDLE_SINCE = 64, 128, 200, 204, 208
TO_CHILD, TO_BACKEND = 256, 384  # produced; consumed is 64 bytes on

(HELLO, FUNCTION, TYPE, FORGET, CALL, TRIGGER, NEXT, CLOSE, CHECK, REPLY, REPLY_ERROR, RESULT, ITERATOR, ROW, END, ERROR,
 FATAL, EXECUTE, PREPARE, EXECUTE_PLAN, FREE_PLAN, LOG, QUOTE, SUBTRANSACTION, TRANSACTION, CURSOR, CURSOR_PLAN, FETCH,
 CLOSE_CURSOR, FREE_CURSOR, KINDS) = range(1, 32)
NULL, BOOL, INT, FLOAT, DECIMAL, TEXT, BYTES, ARRAY, PACKED, RECORD, TUPLE, LIST, DICT, FAULT, TAGS = range(15)
FIELDS = 13
SQLSTATE = 3  # the field

libc = ctypes.CDLL(None, use_errno=True)
libc.send.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]


class Gone(Exception):
    """The backend does not answer any more, or asks for what nobody can give."""


def channel_find():
    """The words of `channel` in python_channel.c: socket, mapping, and the ends with their positions."""
    base = ctypes.c_uint64.from_address(libc._handle).value  # link_map.l_addr of the program
    header = ctypes.string_at(base, 64)
    offset, = struct.unpack_from('<Q', header, 32)
    size, count = struct.unpack_from('<HH', header, 54)
    for i in range(count):
        kind, flags, _, address, _, _, length, _ = struct.unpack_from('<IIQQQQQQ', ctypes.string_at(base + offset + i * size, size))
        if kind != 1 or not flags & 2:
            continue
        words = memoryview((ctypes.c_uint64 * (length // 8)).from_address(base + address)).cast('B').cast('Q').tolist()
        for at in range(len(words) - 8):
            shared = words[at + 1]
            if (shared and words[at + 2] == shared + TO_CHILD and words[at + 3] == shared + PAGE
                    and words[at + 5] == shared + TO_BACKEND and words[at + 6] == shared + PAGE + RING):
                return words[at] & 0xffffffff, shared, words[at + 4], words[at + 7]
    raise Gone('no channel')


class Wire:
    """The rings, as the interpreter would use them; and every word of the mapping."""

    def __init__(self):
        self.socket, self.base, self.taken, self.given = channel_find()
        self.map = memoryview((ctypes.c_char * (PAGE + 2 * RING)).from_address(self.base)).cast('B')
        self.poll = select.poll()
        self.poll.register(self.socket, select.POLLIN)

    def word(self, place, value=None):
        word = ctypes.c_uint64.from_address(self.base + place)
        if value is not None:
            word.value = value & 0xffffffffffffffff
        return word.value

    def half(self, place, value=None):
        word = ctypes.c_uint32.from_address(self.base + place)
        if value is not None:
            word.value = value & 0xffffffff
        return word.value

    def wake(self):
        self.half(BACKEND_SLEEPS, 0)
        libc.send(self.socket, b'', 1, 0x4040)

    def wait(self, ready, patience):
        """Sleeps as the interpreter does; patience in turns of 20 ms."""
        for _ in range(200):
            if ready():
                return
        while not ready():
            if patience <= 0:
                raise Gone('silence')
            patience -= 1
            self.half(CHILD_SLEEPS, 1)
            if not ready() and self.poll.poll(20):
                if not os.read(self.socket, 16):
                    os._exit(0)
            self.half(CHILD_SLEEPS, 0)

    def place(self, data, publish=True):
        """Puts bytes at the sender's end."""
        while data:
            self.wait(lambda: (self.given - self.word(TO_BACKEND + 64)) & (2 ** 64 - 1) < RING, 100)
            room = RING - (self.given - self.word(TO_BACKEND + 64))
            at = self.given % RING
            part = data[:min(room, RING - at)]
            self.map[PAGE + RING + at:PAGE + RING + at + len(part)] = part
            self.given += len(part)
            data = data[len(part):]
            if publish:
                self.word(TO_BACKEND, self.given)
                self.wake()

    def send(self, kind, payload=b'', call=0, length=None, flags=0):
        self.place(struct.pack('<IHHQ', len(payload) if length is None else length, kind & 0xffff, flags, call) + payload)

    def take(self, size, patience=6):
        taken = b''
        while len(taken) < size:
            self.wait(lambda: self.word(TO_CHILD) != self.taken, patience)
            at = self.taken % RING
            count = min(self.word(TO_CHILD) - self.taken, RING - at, size - len(taken))
            taken += bytes(self.map[PAGE + at:PAGE + at + count])
            self.taken += count
            self.word(TO_CHILD + 64, self.taken)
            self.wake()
        return taken

    def receive(self, patience=6):
        length, kind, _, call = struct.unpack('<IHHQ', self.take(16, patience))
        return kind, call, self.take(length)


# --- what frames are made of ---

def u8(v): return struct.pack('<B', v & 0xff)
def u16(v): return struct.pack('<H', v & 0xffff)
def u32(v): return struct.pack('<I', v & 0xffffffff)
def u64(v): return struct.pack('<Q', v & 0xffffffffffffffff)
def text(v):
    v = v.encode('utf-8', 'surrogatepass') if isinstance(v, str) else v
    return u32(len(v)) + v
def tagged(v): return u8(TEXT) + text(v)
def integer(v): return u8(INT) + u64(v)


def error_fields(message='made up', sqlstate='38000', **fields):
    values = [NULL] * FIELDS
    values[0], values[SQLSTATE] = message, sqlstate
    for number, value in fields.items():
        values[int(number[1:])] = value
    return b''.join(u8(NULL) if v is NULL else tagged(v) for v in values)


# Result types of the functions in the test, by name: what a child would have learnt by WIRE_TYPE.
TYPES = {
    'void': 'void', 'bool': 'bool', 'int2': 'int', 'int4': 'int', 'int8': 'int', 'float4': 'float', 'float8': 'float',
    'bytea': 'bytes', 'text': 'text', 'numeric': 'text', 'stamp': 'text', 'enum': 'text', 'json': 'text',
    'int4s': ['int'], 'float8s': ['float'], 'texts': ['text'], 'bools': ['bool'], 'rows': [('int', 'text')],
    'row': ('int', 'text', ['int']), 'nested': (('int', 'text', ['int']), 'float'), 'object': 'object',
    'mapping': 'mapping', 'small': 'int', 'set': 'int', 'checked': ('int', 'int'),
}
ODD_TEXTS = [b'', b'0', b'1', b'-1', b'NaN', b'2020-02-30', b'\xff\xfe', b'\xc0\x80', b'a\0b', b'\xed\xa0\x80', b'\xf8\x88\x80\x80\x80',
             b'\xe2\x82', b'{' * 300, b'{1,2,{3}}', b'(1,"a"', b'x' * 70000, '€'.encode(), b'red', b"';--", b'1e400', b'%s%n']
ODD_NUMBERS = [0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7ffffff, 0x7fffffff, 0x80000000, 0xffffffff,
               1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
QUERIES = ['SELECT 1', 'SELECT seed FROM lies', 'SELECT generate_series(1, 50)', 'SELECT', '', ';', 'SELECT 1/0', 'BEGIN', 'COMMIT',
           'SELECT lie_int4({0})', 'SELECT lie_row({0})', 'SELECT lie_set({0})', 'INSERT INTO lies VALUES ({0})', 'SELECT $1',
           'DELETE FROM lies', "SELECT repeat('x', 100000)", 'SELECT array_agg(g) FROM generate_series(1, 5000) g', 'SAVEPOINT a',
           'SET LOCAL work_mem = 64', 'DECLARE c CURSOR FOR SELECT 1', 'COPY lies TO STDOUT', 'SELECT ROW(1, ARRAY[2])', 'SHOW all',
           'DO LANGUAGE pybox $$ pass $$', 'PREPARE p AS SELECT 1', 'LISTEN a', "SELECT '\\x00ff'::bytea", 'SELECT NULL::int']


class Liar:
    def __init__(self, wire, seed):
        self.wire = wire
        self.random = random.Random(seed)
        self.functions = {}
        self.plans, self.cursors = [0], [0]

    # --- values that are nearly right ---

    def odd(self, value):
        """The number, but for one time in thirty."""
        return value if self.random.randrange(30) else self.random.choice(ODD_NUMBERS)

    def some_text(self):
        r = self.random
        return r.choice(ODD_TEXTS) if r.randrange(4) == 0 else str(r.randrange(1000)).encode()

    def some_length(self, data):
        return u32(self.odd(len(data))) + data

    def any_value(self, depth=0):
        r = self.random
        tag = r.randrange(TAGS + 1) if depth < 5 else NULL
        return u8(tag) + r.choice([b'', u8(r.randrange(256)), u64(r.choice(ODD_NUMBERS)), text(self.some_text()),
                                   u32(r.choice(ODD_NUMBERS)) + self.any_value(depth + 1) if depth < 5 else b'',
                                   u8(r.randrange(8)) + u8(r.randrange(8)) + u32(r.randrange(4)) + u32(r.randrange(4))])

    def object(self, depth=0):
        r = self.random
        kind = r.choice([NULL, BOOL, DECIMAL, TEXT] + [LIST, DICT] * (depth < 4))
        if kind == BOOL:
            return u8(BOOL) + u8(self.odd(1))
        if kind in (DECIMAL, TEXT):
            return u8(kind) + self.some_length(self.some_text())
        if kind == NULL:
            return u8(NULL)
        count = r.randrange(4)
        entry = (lambda: self.object(depth + 1)) if kind == LIST else (lambda: tagged(self.some_text()) + self.object(depth + 1))
        return u8(kind) + u32(self.odd(count)) + b''.join(entry() for _ in range(count))

    def mapping(self):
        count = self.random.randrange(4)
        return u8(DICT) + u32(self.odd(count)) + b''.join(tagged(self.some_text()) + tagged(self.some_text()) for _ in range(count))

    def elements(self, kind):
        r = self.random
        dims = [r.randrange(4) for _ in range(r.randrange(1, 3))]
        total = 1
        for d in dims:
            total *= d
        head = u8(self.odd(len(dims))) + b''.join(u32(self.odd(d)) for d in dims)
        if r.randrange(3) == 0:
            packed = r.randrange(7)
            size = [1, 2, 4, 8, 4, 8, 8][packed]
            return u8(PACKED) + u8(packed) + head + r.randbytes(max(0, self.odd(total) * size) % 100000)
        return u8(ARRAY) + head + b''.join(self.value(kind) for _ in range(total))

    def value(self, kind):
        """What a child could answer for a type; one in twenty is of some other form altogether."""
        r = self.random
        chance = r.randrange(60)
        if chance < 2:
            return self.any_value()
        if chance == 2:
            return u8(FAULT) + self.error()
        if chance < 6:
            return u8(NULL)
        if chance < 9 or kind == 'text':
            return u8(TEXT) + self.some_length(self.some_text())
        if isinstance(kind, list):
            return self.elements(kind[0])
        if isinstance(kind, tuple):
            return u8(TUPLE) + u16(self.odd(len(kind))) + b''.join(self.value(k) for k in kind)
        if kind == 'object':
            return self.object()
        if kind == 'mapping':
            return self.mapping()
        return {'void': lambda: u8(NULL), 'bool': lambda: u8(BOOL) + u8(self.odd(1)), 'int': lambda: integer(self.odd(r.randrange(100))),
                'float': lambda: u8(FLOAT) + r.choice([struct.pack('<d', 1.5), r.randbytes(8)]),
                'bytes': lambda: u8(BYTES) + self.some_length(r.randbytes(r.randrange(300)))}[kind]()

    def error(self):
        r = self.random
        state = r.choice(['38000', '22012', '', '00000', '1234', 'abcde', '57014', '57P01', '57P02', '08P01', '40001', '42501', '53200',
                          'zz\xff', '25P02', '000000', 'ZZZZZ'])
        extra = {f'f{n}': self.some_text() for n in range(FIELDS) if n != SQLSTATE and r.randrange(5) == 0}
        return error_fields(self.some_text(), state, **{**extra, 'f11': r.choice(['1', '-5', '99999999999', 'x', ''])})

    # --- requests ---

    def request(self):
        r = self.random
        kind = r.randrange(EXECUTE, KINDS)
        query = r.choice(QUERIES).format(r.randrange(1 << 30))
        number = u32(self.odd(r.choice(self.plans)))
        cursor = u32(self.odd(r.choice(self.cursors)))
        count = r.randrange(3)
        payload = {
            EXECUTE: lambda: u64(self.odd(0)) + self.some_length(query.encode()),
            PREPARE: lambda: self.some_length(query.encode()) + u16(self.odd(count)) + b''.join(
                text(r.choice(['int4', 'text', 'nonsense', 'int4[]', '', 'int4(', 'lie_row_type', '\x00', 'numeric(3,1)'])) for _ in range(count)),
            EXECUTE_PLAN: lambda: number + u64(self.odd(0)) + u16(self.odd(count)) + b''.join(self.value('int') for _ in range(count)),
            FREE_PLAN: lambda: number,
            LOG: lambda: u8(self.odd(r.randrange(5))) + self.error(),
            QUOTE: lambda: u8(self.odd(r.randrange(3))) + self.some_length(self.some_text()),
            SUBTRANSACTION: lambda: u8(self.odd(r.randrange(3))),
            TRANSACTION: lambda: u8(self.odd(r.randrange(2))),
            CURSOR: lambda: self.some_length(query.encode()),
            CURSOR_PLAN: lambda: number + u16(self.odd(count)) + b''.join(self.value('int') for _ in range(count)),
            FETCH: lambda: cursor + u32(self.odd(10)),
            CLOSE_CURSOR: lambda: cursor,
            FREE_CURSOR: lambda: cursor,
        }[kind]()
        return kind, payload

    def mangle(self, payload):
        r = self.random
        payload = bytearray(payload)
        for _ in range(r.randrange(1, 4)):
            if payload:
                payload[r.randrange(len(payload))] = r.choice([0, 1, 0x7f, 0x80, 0xff, r.randrange(256)])
        return bytes(payload[:r.randrange(len(payload) + 1)] if r.randrange(3) == 0 else payload)

    def ask(self, call, depth):
        kind, payload = self.request()
        if self.random.randrange(12) == 0:
            payload = self.mangle(payload)
        note = kind in (FREE_PLAN, FREE_CURSOR)
        self.wire.send(kind, payload, 0 if note else call)
        if note:
            return
        got, _, reply = self.serve_until_reply(call, depth)
        if got == REPLY and kind == PREPARE:
            self.plans.append(struct.unpack_from('<I', reply)[0])
        if got == REPLY and kind in (CURSOR, CURSOR_PLAN):
            self.cursors.append(struct.unpack_from('<I', reply)[0])

    def serve_until_reply(self, call, depth):
        while True:
            frame = self.wire.receive()
            if frame[0] in (REPLY, REPLY_ERROR):
                return frame
            self.serve(frame, depth + 1)

    # --- answers and plain lies ---

    def answer(self, kind, call, name):
        r = self.random
        if r.randrange(12) == 0:
            self.wire.send(r.choice([ERROR, ERROR, FATAL]), self.error(), call)
            return
        if kind == TRIGGER:
            self.wire.send(RESULT, self.trigger_answer(), call)
            return
        if kind == CHECK:
            self.wire.send(RESULT, u8(NULL), call)
            return
        is_set = name == 'set'
        right = (END if r.randrange(4) == 0 else ROW) if kind == NEXT else ITERATOR if is_set else RESULT
        if r.randrange(40) == 0:
            right = r.randrange(KINDS)
        payload = u32(1) if right == ITERATOR else b'' if right == END else self.value(TYPES.get(name, 'int'))
        if r.randrange(20) == 0:
            payload = self.mangle(payload)
        self.wire.send(right, payload, call)

    def trigger_answer(self):
        r = self.random
        action = self.odd(r.randrange(3))
        if action != 2:
            return u8(action)
        columns = b''.join(u8(1) + u16(self.odd(r.randrange(2))) + self.value(('int', 'text')[r.randrange(2)]) for _ in range(r.randrange(3)))
        return u8(2) + columns + r.choice([u8(0), u8(0), u8(0), u8(2) + self.error(), u8(9), b''])

    def lie_plainly(self, call, name):
        r = self.random
        return r.choice([
            lambda: self.wire.send(r.randrange(40), r.randbytes(r.randrange(40)), call),
            lambda: self.wire.send(RESULT, integer(1), call + r.choice([1, -1, 1 << 48, -call])),
            lambda: self.wire.send(RESULT, integer(1), call, flags=r.randrange(1, 65536)),
            lambda: self.wire.send(RESULT, integer(1), call, length=r.choice(ODD_NUMBERS) & 0xffffffff) or os._exit(7),
            lambda: self.wire.word(TO_BACKEND, self.wire.given + r.choice(ODD_NUMBERS)) and self.wire.wake(),
            lambda: self.wire.word(TO_CHILD + 64, r.choice(ODD_NUMBERS)) and self.answer(CALL, call, name),
            lambda: [self.wire.send(k, b'', call) for k in (RESULT, END, ERROR)],
            lambda: [self.wire.half(p, r.choice(ODD_NUMBERS)) for p in (0, 4, BACKEND_SLEEPS, CHILD_SLEEPS, SPIN_US, LEASE_STATE)]
            and self.answer(CALL, call, name),
            lambda: self.double_fetch(call, name),
            lambda: self.dribble(call, name),
            lambda: os._exit(9),
            lambda: os.close(self.wire.socket) or os._exit(0),
        ])()

    def double_fetch(self, call, name):
        """Bytes that change while the backend may be reading them."""
        r = self.random
        start = self.wire.given
        stop = threading.Event()

        def flip():
            while not stop.is_set():
                for place in (start + r.randrange(400) for _ in range(50)):
                    self.wire.map[PAGE + RING + place % RING] ^= 1 << r.randrange(8)

        flipper = threading.Thread(target=flip, daemon=True)
        flipper.start()
        for _ in range(3):
            self.answer(CALL, call, name)
        stop.set()
        flipper.join()

    def dribble(self, call, name):
        payload = self.value(TYPES.get(name, 'int'))[:300]
        for byte in struct.pack('<IHHQ', len(payload), RESULT, 0, call) + payload:
            self.wire.place(bytes([byte]))

    def serve(self, frame, depth=0):
        kind, call, payload = frame
        r = self.random
        if kind == FUNCTION:
            handle, = struct.unpack_from('<I', payload)
            size, = struct.unpack_from('<I', payload, 9)
            self.functions[handle] = payload[13:13 + size].decode().replace('lie_', '')
        if kind in (FORGET, CLOSE):
            self.wire.send(END, b'', 0)
        if kind not in (CALL, TRIGGER, NEXT, CHECK):
            return
        name = self.functions.get(struct.unpack_from('<I', payload)[0], 'int4') if kind == CALL else 'set' if kind == NEXT else None
        self.exchange(kind, call, name, depth)

    def exchange(self, kind, call, name, depth=0):
        r = self.random
        if r.randrange(25) == 0:
            self.lie_plainly(call, name)
            return
        for _ in range(r.choice([0, 0, 1, 3]) if depth < 3 else 0):
            self.ask(call, depth)
        self.answer(kind, call, name)

    def serve_for_ever(self):
        while True:
            try:
                self.serve(self.wire.receive(patience=1 << 30))
            except Gone:
                os._exit(11)


def call_now(wire):
    """The number of the call under way: it is in the frame that was read last, still in the ring."""
    at = wire.taken
    for back in range(16, 4096):
        place = (at - back) % RING
        if place + 16 > RING:
            continue
        length, kind, flags, call = struct.unpack('<IHHQ', wire.map[PAGE + place:PAGE + place + 16])
        if length == back - 16 and kind in (CALL, TRIGGER) and flags == 0:
            return call
    raise Gone('no call')


def chaos(name, seed):
    """Answers this call, and all that come, until the backend has had enough."""
    wire = Wire()
    liar = Liar(wire, seed)
    try:
        liar.exchange(TRIGGER if name == 'trigger' else CALL, call_now(wire), name)
    except Gone:
        os._exit(11)
    liar.serve_for_ever()


# --- one lie each ---

def answers(kind, payload=b'', **fields):
    return lambda wire, call: wire.send(kind, payload, call, **fields)


def asks(kind, payload=b''):
    """A request, and a plain answer once the backend has replied to it."""
    def tell(wire, call):
        wire.send(kind, payload, call)
        wire.receive(200)
        wire.send(RESULT, integer(1), call)
    return tell


def position(place, shift):
    def tell(wire, call):
        wire.word(place, wire.word(place) + shift)
        wire.wake()
    return tell


def consumed_beyond(wire, call):
    wire.word(TO_CHILD + 64, wire.word(TO_CHILD) + 1)
    wire.send(QUOTE, u8(0) + text('a'), call)


def answers_twice(wire, call):
    """The second one is there before the first wakes anybody."""
    for _ in range(2):
        wire.place(struct.pack('<IHHQ', 9, RESULT, 0, call) + integer(1), publish=False)
    wire.word(TO_BACKEND, wire.given)
    wire.wake()


def answers_out_of_order(wire, call):
    """SQL of this call calls a function in this child, and is told that the outer one is through."""
    wire.send(EXECUTE, u64(0) + text('SELECT honest(1)'), call)
    while wire.receive(200)[0] != CALL:
        pass
    wire.send(RESULT, integer(1), call)


def asks_as_outer(wire, call):
    wire.send(EXECUTE, u64(0) + text('SELECT honest(1)'), call)
    while wire.receive(200)[0] != CALL:
        pass
    wire.send(QUOTE, u8(0) + text('a'), call)


def replies(wire, call):
    wire.send(REPLY, b'', call)


def note_with_call(wire, call):
    wire.send(FREE_PLAN, u32(1), call)


def request_without_call(wire, call):
    wire.send(QUOTE, u8(0) + text('a'), 0)


def closes_socket(wire, call):
    os.close(wire.socket)
    threading.Event().wait()


def floods_socket(wire, call):
    for size in (1, 16, 1000, 60000) * 200:
        libc.send(wire.socket, bytes(size), size, 0x4040)
    wire.send(RESULT, integer(1), call)


def spoils_words(wire, call):
    """The words that are not positions: a backend may not be held up by them, or lead astray."""
    for place in (0, 4, CHILD_SLEEPS, SPIN_US, LEASE_STATE, IDLE_SINCE):
        wire.half(place, 0xffffffff)
    wire.send(RESULT, integer(1), call)


def passes_descriptors(wire, call):
    """For an untrusted child: descriptors with the wake-up bytes."""
    import socket
    end = socket.socket(fileno=os.dup(wire.socket))
    for _ in range(100):
        try:
            end.sendmsg([b'w'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack('<3i', 0, 1, 2))], 0x4040)
        except BlockingIOError:
            pass  # the backend was awake, and has not looked at them yet
        wire.send(QUOTE, u8(0) + text('a'), call)
        wire.receive(200)
    wire.send(RESULT, integer(1), call)


def changes_header(wire, call):
    """A thread changes the length of a frame all the time: short and far too long."""
    place = PAGE + RING + wire.given % RING

    def flip():
        length = ctypes.c_uint32.from_address(wire.base + place)
        while True:
            length.value = 9
            length.value = 0xffffffff

    threading.Thread(target=flip, daemon=True).start()
    wire.send(RESULT, integer(1), call)


def stalls(wire, call):
    wire.place(struct.pack('<IHHQ', 100, RESULT, 0, call) + b'half')


def dribbles(wire, call):
    """Always one more byte of a frame without end, the next before the backend can fall asleep."""
    wire.place(struct.pack('<IHHQ', 1 << 23, RESULT, 0, call))
    while True:
        wire.place(b'x')


def floods_bytes(wire, call):
    """As fast as it goes: the backend never finds the ring empty."""
    while True:
        wire.place(struct.pack('<IHHQ', 1 << 15, QUOTE, 0, call) + bytes(1 << 15))


def never_reads(wire, call):
    """Asks for more and more, and takes none of the replies."""
    while True:
        wire.send(QUOTE, u8(0) + text('x' * 50000), call)


def deep(count):
    return answers(RESULT, (u8(LIST) + u32(1)) * count + u8(NULL))


LIES = {
    'length: the longest number': answers(RESULT, integer(1), length=0xffffffff),
    'length: one over the maximum': answers(RESULT, integer(1), length=0x40010001),
    'length: the maximum': answers(RESULT, integer(1), length=0x40010000),
    'kind: none': answers(0), 'kind: the first unknown': answers(KINDS), 'kind: the last number': answers(0xffff),
    'kind: a call': answers(CALL), 'kind: a reply': replies, 'flags': answers(RESULT, integer(1), flags=1),
    'call: another': lambda wire, call: wire.send(RESULT, integer(1), call + 1),
    'call: none': lambda wire, call: wire.send(RESULT, integer(1), 0),
    'request without a call': request_without_call, 'note with a call': note_with_call,
    'position: more than a ring ahead': position(TO_BACKEND, RING + 1), 'position: behind': position(TO_BACKEND, -1),
    'position: the other half of all numbers': position(TO_BACKEND, 1 << 63), 'position: more taken than there was': consumed_beyond,
    'answer: the end of no set': answers(END), 'answer: a row of no set': answers(ROW, integer(1)),
    'answer: an iterator': answers(ITERATOR, u32(1)), 'answer: nothing in it': answers(RESULT), 'answer: twice': answers_twice,
    'answer: something behind it': answers(RESULT, integer(1) + b'x'), 'answer: to the outer call first': answers_out_of_order,
    'request: of the outer call': asks_as_outer,
    'value: unknown': answers(RESULT, u8(TAGS)), 'value: a record': answers(RESULT, u8(RECORD) + u16(0)),
    'value: a list': answers(RESULT, u8(LIST) + u32(0)), 'value: a float': answers(RESULT, u8(FLOAT) + bytes(8)),
    'value: a boolean': answers(RESULT, u8(BOOL) + u8(1)), 'value: bytes': answers(RESULT, u8(BYTES) + text('a')),
    'value: an array': answers(RESULT, u8(ARRAY) + u8(0)), 'value: a tuple': answers(RESULT, u8(TUPLE) + u16(0)),
    'value: packed': answers(RESULT, u8(PACKED) + u8(2) + u8(1) + u32(0)), 'value: out of range': answers(RESULT, integer(1 << 40)),
    'value: half a number': answers(RESULT, u8(INT) + bytes(7)), 'text: longer than its frame': answers(RESULT, u8(TEXT) + u32(1 << 31)),
    'text: no UTF-8': answers(RESULT, tagged(b'\xff')), 'text: a surrogate': answers(RESULT, tagged(b'\xed\xa0\x80')),
    'text: a NUL': answers(RESULT, tagged(b'1\0')), 'fault: too few fields': answers(RESULT, u8(FAULT) + tagged('a')),
    'error: no fields': answers(ERROR), 'error: a field of another kind': answers(ERROR, integer(1) * FIELDS),
    'error: no UTF-8': answers(ERROR, error_fields(b'\xff')), 'error: a NUL': answers(ERROR, error_fields('a\0')),
    'error: fatal': answers(FATAL, error_fields()), 'error: odd SQLSTATE': answers(ERROR, error_fields(sqlstate='a;b\n')),
    'error: odd position': answers(ERROR, error_fields(f10='SELECT', f11='99999999999')),
    'log: a level out of range': asks(LOG, u8(99) + error_fields()), 'log: fatal': asks(LOG, u8(5) + error_fields()),
    'quote: a kind out of range': asks(QUOTE, u8(3) + text('a')), 'quote: something behind it': asks(QUOTE, u8(0) + text('a') + b'x'),
    'quote: no UTF-8': asks(QUOTE, u8(0) + text(b'\xff')), 'subtransaction: out of range': asks(SUBTRANSACTION, u8(3)),
    'transaction: out of range': asks(TRANSACTION, u8(2)), 'execute: nothing in it': asks(EXECUTE), 'execute: half a query': asks(EXECUTE, u64(0) + u32(9) + b'SELECT'),
    'execute: a limit below zero': asks(EXECUTE, u64(-1) + text('SELECT 1')),
    'plan: of nobody': asks(EXECUTE_PLAN, u32(4711) + u64(0) + u16(0)), 'plan: more types than there are': asks(PREPARE, text('SELECT 1') + u16(65535)),
    'plan: a type that is none': asks(PREPARE, text('SELECT 1') + u16(1) + text('int4(')),
    'cursor: of nobody': asks(FETCH, u32(4711) + u32(1)), 'cursor: of nobody, closed': asks(CLOSE_CURSOR, u32(0)),
    'socket: closed': closes_socket, 'socket: flooded': floods_socket, 'descriptors': passes_descriptors, 'words': spoils_words,
    'double fetch': changes_header,
    'stalls': stalls, 'dribbles': dribbles, 'floods': floods_bytes, 'never reads': never_reads,
    'deep': deep(100000), 'count: of a list': answers(RESULT, u8(LIST) + u32(0xffffffff) + u8(NULL)),
    'count: of a dictionary': answers(RESULT, u8(DICT) + u32(0x80000000) + tagged('a') + u8(NULL)),
    'key: a number': answers(RESULT, u8(DICT) + u32(1) + u8(DECIMAL) + text('1') + u8(NULL)),
    'number: none': answers(RESULT, u8(DECIMAL) + text('1e')), 'tag: an integer': answers(RESULT, integer(1)),
}
for state in '57014', '57P01', '57P02', '08P01':
    LIES['error: ' + state] = answers(ERROR, error_fields(sqlstate=state))


def lie(name):
    """Tells it, and then waits for what comes of it: whoever is still asked to do something does not answer."""
    wire = Wire()
    try:
        LIES[name](wire, call_now(wire))
        while True:
            wire.receive(1 << 30)
    except Gone:
        os._exit(11)
