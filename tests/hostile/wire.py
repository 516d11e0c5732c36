MAGIC = 0x70796278  # as in sandbox/wire.h, where the places below come from too
PLACES = {"backend_sleeps": 64, "child_sleeps": 128, "cancel_call": 192, "spin_us": 200, "lease_state": 204, "idle_since_ms": 208,
          "to_child_produced": 256, "to_child_consumed": 320, "to_backend_produced": 384, "to_backend_consumed": 448}
RING = 262144
class ProgramHeader(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("offset", ctypes.c_uint64), ("at", ctypes.c_uint64),
                ("physical", ctypes.c_uint64), ("in_file", ctypes.c_uint64), ("size", ctypes.c_uint64), ("align", ctypes.c_uint64)]
class Program(ctypes.Structure):
    _fields_ = [("base", ctypes.c_uint64), ("name", ctypes.c_char_p), ("headers", ctypes.POINTER(ProgramHeader)), ("count", ctypes.c_uint16)]
def is_wire(at):
    """Whether there is such a page: the kernel answers for an address that is none with another error than for a name."""
    if at == 0 or at % 4096 != 0 or at >> 47 != 0:
        return False
    libc.access(ctypes.c_void_p(at), 0)
    return ctypes.get_errno() != errno.EFAULT and ctypes.c_uint32.from_address(at).value == MAGIC
def wire():
    """Where the memory that is shared with the server lies: some variable of the interpreter's program points there."""
    found = set()
    def look(program, size, data):
        for header in program[0].headers[:program[0].count]:
            if header.kind == 1 and header.flags & 2:
                start = (program[0].base + header.at + 7) & ~7
                words = (ctypes.c_uint64 * ((header.size - 8) // 8)).from_address(start)
                found.update(word for word in set(words) if is_wire(word))
        return 1
    libc.dl_iterate_phdr(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Program), ctypes.c_size_t, ctypes.c_void_p)(look), None)
    if not found:
        raise LookupError("the shared memory is not where it is looked for")
    return sorted(found)
def word(name):
    return (ctypes.c_uint32 if name in ("backend_sleeps", "child_sleeps", "spin_us", "lease_state") else ctypes.c_uint64).from_address(wire()[0] + PLACES[name])
def wake(position=None):
    """Has the server look at what is there, and gives it a moment: it kills whom it does not understand."""
    libc.send(3, b"w", 1, 0x40)
    until = time.monotonic() + 5
    while time.monotonic() < until and word("to_backend_consumed").value != position:
        time.sleep(0.001)
def say(kind, payload, call=None, length=None, flags=0):
    """A frame that the interpreter did not make, at the place where its next one would be."""
    at = wire()[0]
    if call is None:
        call = plpy.execute("SELECT call_id FROM pybox.activity WHERE pid = pg_backend_pid() ORDER BY call_id DESC LIMIT 1")[0]["call_id"]
    frame = (len(payload) if length is None else length).to_bytes(4, "little") + kind.to_bytes(2, "little") + flags.to_bytes(2, "little") + \
        (call & (1 << 64) - 1).to_bytes(8, "little") + payload
    produced = word("to_backend_produced")
    for i, byte in enumerate(frame):
        ctypes.c_uint8.from_address(at + 4096 + RING + (produced.value + i) % RING).value = byte
    produced.value += len(frame)
    wake(produced.value)
