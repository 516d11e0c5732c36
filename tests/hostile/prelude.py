import ctypes, errno, json, os, signal, sys, time
here = json.loads(plpy.execute("SELECT facts FROM hostile.facts")[0]["facts"])
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
AT_FDCWD = -100
def raw(number):
    """A system call by number: integers at full width, None for NULL; OSError for -1."""
    def word(value):
        return ctypes.c_long(value) if isinstance(value, int) else ctypes.c_void_p(0) if value is None else value
    def call(*arguments):
        result = libc.syscall(*[word(value) for value in (number,) + arguments])
        if result == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result
    return call
def attempt(case):
    """What became of it, for the one who runs the suite: the first word is the verdict."""
    try:
        result = case()
        return "allowed" if result is None else "allowed: " + repr(result)[:300]
    except OSError as e:
        return "refused %s: %s: %s" % (errno.errorcode.get(e.errno, "-"), type(e).__name__, e)
    except Exception as e:
        return "raised %s: %s" % (type(e).__name__, e)
def leak(found):
    """What was found, or a refusal when it is nothing."""
    if found:
        return found
    raise OSError(errno.ENOENT, "nothing is there")
def any_of(function, values):
    """The first value for which the call succeeds, with its result; when none does, the first one's refusal."""
    first = None
    for value in values:
        try:
            return value, function(value)
        except OSError as e:
            first = first or e
    raise first
def outcome(function, value):
    try:
        function(value)
        return "success"
    except OSError as e:
        return errno.errorcode.get(e.errno)
def tells(function, there="/etc/passwd", missing="/etc/pybox_no_such"):
    """What a call says of a path that is there and of one that is not, when that differs."""
    answers = outcome(function, there), outcome(function, missing)
    return leak(answers[0] != answers[1] and answers)
