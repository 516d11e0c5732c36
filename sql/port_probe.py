"""What a function needs, tried: the program of pybox.port_report(), run in an interpreter of each language.

It compiles a body as pybox would, walks its syntax tree, imports what it imports, follows names to the objects they stand
for, and for objects that reach outside (PROBES) does something harmless of the same kind. It never runs the body. It
reports what it met: a grade and the exception's own words. The build puts this text into two SQL functions, so it is the
inside of a function: no `global`, and the indentation of the tables does not matter.

grade: 'broken' fails wherever it is met, 'refused' is kept from it by the system, 'note' is worth knowing, 'fine' is the
rest: an outcome that may still differ between two interpreters.
"""
import ast
import builtins
import importlib
import json
import signal
import sys
import types

IMPORT_SECONDS = 20
UNKNOWN = object()  # a value, or an argument, that only running the function would tell

# --- what is tried --------------------------------------------------------------------------------------------------
# Each takes the constant arguments of the call (UNKNOWN where they are none) and does something harmless of its kind.
# What it returns is compared between interpreters, what it raises is reported.

def constant(arguments, number, default):
    value = arguments[number] if number < len(arguments) else default
    return default if value is UNKNOWN else value

def try_write(path):
    """Asks for a file to write without making one that would stay, and without changing one that is there."""
    import os
    if os.path.exists(path) and not os.path.isdir(path):
        os.close(os.open(path, os.O_WRONLY))
    else:
        folder = path if os.path.isdir(path) else os.path.dirname(path) or '.'
        os.close(os.open(folder, os.O_WRONLY | os.O_TMPFILE, 0o600))

def path_like(value, default):
    return value if isinstance(value, (str, bytes)) and value else default

def try_open(arguments):
    path = path_like(constant(arguments, 0, None), None)
    mode = constant(arguments, 1, 'r')
    if isinstance(mode, str) and set(mode) & set('wax+'):
        return try_write(path or '/tmp/')
    with open(path or '/etc/passwd', 'rb'):
        pass

def try_read(arguments):
    return try_open(list(arguments[:1]))

def try_writing(arguments):
    return try_write(path_like(constant(arguments, 0, None), '/tmp/'))

def try_instance_read(arguments):
    return try_open([])

def try_instance_write(arguments):
    return try_write('/tmp/')

def try_list(arguments):
    import os
    os.listdir(path_like(constant(arguments, 0, None), '/etc'))

def try_stat(arguments):
    """Only whether it is there: an answer is compared, an exception reported."""
    import os
    path = path_like(constant(arguments, 0, None), '/etc/passwd')
    return f'{path} {"is" if os.path.exists(path) else "is not"} there'

def try_remove(arguments):
    """Of something that cannot be there."""
    import os
    try:
        os.unlink('/tmp/pybox-port-report/none')
    except (FileNotFoundError, NotADirectoryError):
        pass

def try_chdir(arguments):
    import os
    os.chdir(os.getcwd())

def try_environment(arguments):
    import os
    key = constant(arguments, 0, None)
    if isinstance(key, str):
        return os.environ[key] and None

def try_environment_get(arguments):
    import os
    key = constant(arguments, 0, None)
    if isinstance(key, str):
        return f'{key} {"is" if key in os.environ else "is not"} set'

def try_program(arguments):
    import subprocess
    subprocess.run(['/bin/true'], check=True)

def try_shell(arguments):
    """It raises nothing: one has to look at what it returns."""
    import os
    return f'returns {os.system("true")}'

def try_forbidden(arguments):
    """What no function of the server's user may do anyway, but where interpreters are killed for asking."""
    import os
    os.chroot('/')

def try_fork(arguments):
    import os
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

def try_kill(arguments):
    """Signal 0: whether one may."""
    import os
    os.kill(os.getppid() or os.getpid(), 0)

def try_thread(arguments):
    import threading
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

def try_socket(arguments):
    import socket
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()

def try_local_socket(arguments):
    import socket
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()

def try_pair(arguments):
    import socket
    for end in socket.socketpair():
        end.close()

def try_pipe(arguments):
    import os
    for end in os.pipe():
        os.close(end)

def try_signal(arguments):
    signal.signal(signal.SIGUSR2, signal.signal(signal.SIGUSR2, signal.SIG_IGN))

def try_temporary(arguments):
    import tempfile
    tempfile.TemporaryFile().close()

def try_library(arguments):
    import ctypes
    name = constant(arguments, 0, None)
    ctypes.CDLL(name if isinstance(name, str) else None)

def try_sqlite(arguments):
    name = constant(arguments, 0, UNKNOWN)
    if name != ':memory:':
        try_write(path_like(name, '/tmp/'))

def try_shared_memory(arguments):
    from multiprocessing import shared_memory
    try:
        segment = shared_memory.SharedMemory(create=True, size=1)
    except OSError as error:
        raise type(error)(error.errno, error.strerror)  # without its name, which is another each time
    segment.close()
    segment.unlink()

def try_map(arguments):
    import mmap
    mmap.mmap(-1, 4096).close()

def try_limit(arguments):
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))

def try_priority(arguments):
    import os
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))

def try_owner(arguments):
    import os
    os.setuid(os.getuid())

def path_note(arguments):
    return 'changes where modules are found, for this interpreter only'

def dynamic_note(arguments):
    return 'what it runs is not looked at'

def print_note(arguments):
    return 'what it prints goes nowhere, and not to the log of the server'

def fatal_note(arguments):
    return 'in language pybox it ends the statement and not the session'

# name or names, what to try, and 'note' where it is only said. module.* is every function and class of a module but its
# exceptions. A module that is not there has no rows.
PROBES = [
    ('open io.open io.FileIO os.open codecs.open gzip.open bz2.open lzma.open gzip.GzipFile', try_open),
    ('zipfile.ZipFile tarfile.open shelve.open dbm.open', try_open),
    ('logging.FileHandler logging.handlers.RotatingFileHandler logging.handlers.TimedRotatingFileHandler', try_writing),
    ('fileinput.input linecache.getline configparser.ConfigParser.read runpy.run_path', try_read),
    ('os.truncate os.mkfifo os.mknod os.utime os.chmod os.chown os.lchown os.setxattr', try_writing),
    ('os.mkdir os.makedirs os.symlink os.link', try_writing),
    ('os.remove os.unlink os.rename os.renames os.replace os.rmdir os.removedirs', try_remove),
    ('shutil.rmtree', try_remove),
    ('shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move shutil.make_archive shutil.unpack_archive', try_instance_write),
    ('os.listdir os.scandir os.walk os.fwalk glob.glob glob.iglob', try_list),
    ('os.stat os.lstat os.access os.readlink os.path.exists os.path.isfile os.path.isdir os.path.getsize os.path.getmtime', try_stat),
    ('os.chdir os.fchdir', try_chdir),
    ('os.environ', try_environment), ('os.getenv os.environ.get', try_environment_get),
    ('os.system', try_shell),
    ('os.popen os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe', try_program),
    ('os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe', try_program),
    ('os.posix_spawn os.posix_spawnp pty.spawn asyncio.create_subprocess_exec asyncio.create_subprocess_shell', try_program),
    ('subprocess.run subprocess.Popen subprocess.call subprocess.check_call subprocess.check_output', try_program),
    ('subprocess.getoutput subprocess.getstatusoutput webbrowser.open', try_program),
    ('os.fork os.forkpty pty.fork multiprocessing.Process multiprocessing.Pool multiprocessing.Manager', try_fork),
    ('multiprocessing.pool.Pool multiprocessing.Queue concurrent.futures.ProcessPoolExecutor', try_fork),
    ('joblib.Parallel', try_fork),
    ('os.kill os.killpg', try_kill),
    ('os.chroot time.clock_settime time.clock_settime_ns socket.sethostname', try_forbidden),
    ('threading.Thread threading.Timer _thread.start_new_thread multiprocessing.pool.ThreadPool', try_thread),
    ('concurrent.futures.ThreadPoolExecutor', try_thread),
    ('socket.socket socket.create_connection socket.create_server socket.getaddrinfo socket.gethostbyname', try_socket),
    ('socket.gethostbyname_ex socket.gethostbyaddr socket.getnameinfo socket.getfqdn ssl.get_server_certificate', try_socket),
    ('urllib.request.urlopen urllib.request.urlretrieve urllib.request.OpenerDirector.open', try_socket),
    ('http.client.HTTPConnection http.client.HTTPSConnection xmlrpc.client.ServerProxy', try_socket),
    ('smtplib.SMTP smtplib.SMTP_SSL smtplib.LMTP ftplib.FTP ftplib.FTP_TLS poplib.POP3 poplib.POP3_SSL', try_socket),
    ('imaplib.IMAP4 imaplib.IMAP4_SSL nntplib.NNTP telnetlib.Telnet socketserver.* http.server.HTTPServer', try_socket),
    ('asyncio.open_connection asyncio.start_server logging.handlers.SocketHandler logging.handlers.SMTPHandler', try_socket),
    ('asyncio.run asyncio.new_event_loop asyncio.get_event_loop socket.socketpair', try_pair),
    ('requests.* urllib3.* httpx.* aiohttp.* paramiko.* boto3.* botocore.* pika.* redis.* pymongo.* kafka.*', try_socket),
    ('zmq.* ldap3.* suds.* zeep.* pymysql.connect MySQLdb.connect pyodbc.connect cx_Oracle.connect oracledb.connect', try_socket),
    ('psycopg2.connect psycopg.connect pg8000.connect pygresql.connect asyncpg.connect', try_local_socket),
    ('logging.handlers.SysLogHandler syslog.syslog syslog.openlog', try_local_socket),
    ('os.pipe os.pipe2', try_pipe),
    ('signal.signal signal.setitimer signal.alarm', try_signal),
    ('tempfile.*', try_temporary),
    ('ctypes.CDLL ctypes.PyDLL ctypes.cdll.LoadLibrary', try_library),
    ('sqlite3.connect', try_sqlite),
    ('multiprocessing.shared_memory.SharedMemory multiprocessing.Array multiprocessing.Value', try_shared_memory),
    ('mmap.mmap', try_map),
    ('resource.setrlimit', try_limit), ('os.nice os.setpriority', try_priority),
    ('os.setuid os.seteuid os.setgid os.setegid os.setreuid os.setregid os.setgroups', try_owner),
    ('pathlib.Path.open pathlib.Path.read_text pathlib.Path.read_bytes', try_instance_read),
    ('pathlib.Path.write_text pathlib.Path.write_bytes pathlib.Path.touch pathlib.Path.mkdir pathlib.Path.chmod', try_instance_write),
    ('pathlib.Path.symlink_to pathlib.Path.hardlink_to', try_instance_write),
    ('pathlib.Path.unlink pathlib.Path.rmdir pathlib.Path.rename pathlib.Path.replace', try_remove),
    ('pathlib.Path.iterdir pathlib.Path.glob pathlib.Path.rglob', try_list),
    ('pathlib.Path.stat pathlib.Path.exists pathlib.Path.is_file pathlib.Path.is_dir', try_stat),
    ('numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile numpy.memmap', try_read),
    ('numpy.save numpy.savetxt numpy.savez numpy.savez_compressed', try_writing),
    ('pandas.read_csv pandas.read_table pandas.read_excel pandas.read_parquet pandas.read_pickle pandas.read_json pandas.read_hdf', try_read),
    ('pandas.DataFrame.to_csv pandas.DataFrame.to_excel pandas.DataFrame.to_parquet pandas.DataFrame.to_pickle', try_writing),
    ('joblib.load', try_read), ('joblib.dump', try_writing),
    ('matplotlib.pyplot.savefig', try_writing),
    ('sys.path', path_note, 'note'), ('eval exec compile', dynamic_note, 'note'), ('plpy.fatal', fatal_note, 'note'),
    ('print', print_note, 'note'),
]
# What mentions of these may do to names is out of sight.
NAME_MAKERS = {'eval', 'exec', 'globals', 'locals', 'vars'}
GIVEN = {'plpy', 'SD', 'GD', 'TD', 'args', '__name__', '__builtins__', '__doc__', '__file__', '__spec__', '__loader__',
         '__package__', '__class__'}

class Instance:
    """Stands for a value of a known class."""
    def __init__(self, kind, name):
        self.kind, self.name = kind, name

class ImportTimeout(Exception):
    pass

def describe(error):
    first, _, _ = str(error).partition('\n')
    return f'{type(error).__name__}: {first}' if first else type(error).__name__

def severity(grade, outcome):
    return ('fine', 'note', 'refused', 'broken').index(grade), outcome is not None

def is_refusal(error):
    import errno
    return isinstance(error, OSError) and error.errno in (errno.EPERM, errno.EACCES)

def guarded(action, *arguments):
    """(value, None), or (None, exception): whatever is raised but the end of the call itself."""
    try:
        return action(*arguments), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error

# --- looking up -----------------------------------------------------------------------------------------------------

class Probes:
    """PROBES by the objects they name. What is tried is tried once for the same constants."""

    def __init__(self, plpy):
        self.plpy = plpy
        self.by_object = {}
        self.by_name = {}  # for bound methods, which are new objects each time
        self.wildcards = {}
        self.rows = []
        self.seen_modules = set()
        self.results = {}
        for names, action, *grade in PROBES:
            for name in names.split():
                row = (name, action, grade[0] if grade else None)
                if name.endswith('.*'):
                    self.wildcards[name[:-2]] = row
                else:
                    self.rows.append(row)

    def refresh(self):
        """Rows of modules that have been imported since: an object cannot be met before its module is there."""
        if len(sys.modules) == len(self.seen_modules):
            return
        rest = []
        for row in self.rows:
            found = self.find(row[0])
            if found is None:
                rest.append(row)
            else:
                self.by_object.setdefault(id(found), (found, row))
                self.by_name[row[0]] = row
        self.rows = rest
        self.seen_modules = set(sys.modules)

    def find(self, name):
        if '.' not in name:
            return getattr(builtins, name, None)
        parts = name.split('.')
        for count in range(len(parts) - 1, 0, -1):
            found = self.plpy if parts[:count] == ['plpy'] else sys.modules.get('.'.join(parts[:count]))
            for part in parts[count:] if found is not None else ():
                found = getattr(found, part, None)
            if found is not None:
                return found
        return None

    def get(self, found, name):
        """The row for an object, reached under a name."""
        self.refresh()
        entry = self.by_object.get(id(found))
        if entry is not None and entry[0] is found:
            return entry[1]
        if name in self.by_name:
            return self.by_name[name]
        if isinstance(found, type) and issubclass(found, BaseException) or not callable(found):
            return None
        module = name.rpartition('.')[0]
        while module:
            if module in self.wildcards:
                return self.wildcards[module]
            module = module.rpartition('.')[0]
        return None

    def run(self, row, arguments):
        key = (row[0], repr(arguments))
        if key not in self.results:
            self.results[key] = self.attempt(row, arguments)
        return self.results[key]

    def attempt(self, row, arguments):
        value, error = guarded(row[1], arguments)
        if error is None:
            return row[2] or 'fine', None if value is None else str(value), None
        grade = 'refused' if is_refusal(error) else 'broken' if isinstance(error, KeyError) else 'fine'
        return grade, describe(error), error

def load(name):
    """Imports a module, within a time: an import may do anything. CPython's own caches make it cheap the second time."""
    def late(number, frame):
        raise ImportTimeout(f'the import took longer than {IMPORT_SECONDS} s')
    if name in sys.modules:
        return importlib.import_module(name)
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, IMPORT_SECONDS)
    try:
        return importlib.import_module(name)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

def bound_names(tree):
    """Every name that some statement of the body could bind."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return names

# --- one function ---------------------------------------------------------------------------------------------------

class Walker(ast.NodeVisitor):
    def __init__(self, probes, arguments, tree):
        self.probes = probes
        self.found = {}
        self.handlers = []  # of the try statements around
        self.called = set() # nodes that have been tried with the arguments of their call
        self.known = {}     # name -> (object, its full name)
        self.bound = bound_names(tree) - {tree.body[0].name}
        self.given = GIVEN | set(arguments)
        self.dynamic = any(isinstance(node, ast.Name) and node.id in NAME_MAKERS for node in ast.walk(tree))

    def report(self, node, what, grade, outcome):
        """The worst that came of the same thing on the same line. That it was fine counts too: elsewhere it may not be."""
        key = (node.lineno - 1, what)
        if key not in self.found or severity(grade, outcome) > severity(*self.found[key]):
            self.found[key] = (grade, outcome)

    def excused(self, error):
        """Whether a handler around expects this and goes on without raising it again."""
        for handler in self.handlers:
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            kinds = [BaseException if kind is None else self.resolve(kind)[0] for kind in kinds]
            if any(isinstance(kind, type) and isinstance(error, kind) for kind in kinds):
                return not any(isinstance(inner, ast.Raise) or self.is_error_call(inner) for inner in ast.walk(handler))
        return False

    def is_error_call(self, node):
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ('error', 'fatal') \
            and isinstance(node.func.value, ast.Name) and node.func.value.id == 'plpy'

    def broken(self, node, what, error):
        if not self.excused(error):
            self.report(node, what, 'broken', describe(error))

    # names

    def resolve(self, node):
        """(object, full name) of an expression, or (UNKNOWN, '')."""
        if isinstance(node, ast.Name):
            return self.resolve_name(node.id)
        if isinstance(node, ast.Attribute):
            return self.resolve_attribute(*self.resolve(node.value), node.attr)
        if isinstance(node, ast.Call):
            return self.resolve_call(node)
        if isinstance(node, ast.BinOp):
            left = self.resolve(node.left)
            return left if isinstance(left[0], Instance) else (UNKNOWN, '')
        return UNKNOWN, ''

    def resolve_name(self, name):
        if name in self.known:
            return self.known[name]
        if name == 'plpy':
            return self.probes.plpy, name
        if name in self.bound or name in self.given or not hasattr(builtins, name):
            return UNKNOWN, ''
        return getattr(builtins, name), name

    def resolve_attribute(self, value, name, attribute):
        if value is UNKNOWN:
            return UNKNOWN, ''
        owner = value.kind if isinstance(value, Instance) else value
        if not isinstance(owner, (types.ModuleType, type)) and name not in ('os.environ', 'ctypes.cdll'):
            return UNKNOWN, ''
        found, error = guarded(getattr, owner, attribute)
        return (UNKNOWN, '') if error is not None else (found, f'{name}.{attribute}')

    def resolve_call(self, node):
        function, name = self.resolve(node.func)
        constants = self.constants(node)
        if function is __import__ or function is importlib.import_module:
            module = constants[0] if constants and isinstance(constants[0], str) else None
            if module in sys.modules:
                top = module.partition('.')[0] if function is __import__ else module
                return sys.modules[top], top
        if function is getattr and len(node.args) > 1 and isinstance(constants[1], str):
            return self.resolve_attribute(*self.resolve(node.args[0]), constants[1])
        if isinstance(function, type) and name:
            return Instance(function, name), name
        return UNKNOWN, ''

    def constants(self, node):
        """Of a call: its arguments, a mode being the second one."""
        values = [argument.value if isinstance(argument, ast.Constant) else UNKNOWN for argument in node.args]
        for keyword in node.keywords:
            if keyword.arg == 'mode' and isinstance(keyword.value, ast.Constant):
                values += [UNKNOWN] * (2 - len(values))
                values[1] = keyword.value.value
        return values

    def forget(self, target):
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self.known.pop(node.id, None)

    def bind(self, target, value):
        found, name = self.resolve(value)
        self.forget(target)
        if isinstance(target, ast.Name) and found is not UNKNOWN:
            self.known[target.id] = (found, name)

    # what reaches outside

    def touch(self, node, arguments):
        """A mention of an object: tries what it does."""
        found, name = self.resolve(node)
        if found is UNKNOWN or isinstance(found, Instance) or node in self.called:
            return
        self.called.add(node)
        row = self.probes.get(found, name)
        if row is None:
            return
        grade, outcome, error = self.probes.run(row, arguments)
        if grade != 'broken' or not self.excused(error):
            self.report(node, name, grade, outcome)

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            return
        self.touch(node, [])
        if self.dynamic or node.id in self.known or node.id in self.bound or node.id in self.given or hasattr(builtins, node.id):
            return
        self.broken(node, node.id, NameError(f"name '{node.id}' is not defined", name=node.id))

    def visit_Attribute(self, node):
        self.descend(node.value)
        value, name = self.resolve(node.value)
        self.touch(node, [])
        if isinstance(value, types.ModuleType) and isinstance(node.ctx, ast.Load):
            error = guarded(getattr, value, node.attr)[1]
            if error is not None:
                self.broken(node, f'{name}.{node.attr}', error)

    def descend(self, node):
        """Into what stands before a dot: a name alone says nothing more."""
        if not isinstance(node, (ast.Name, ast.Attribute)):
            self.visit(node)
        elif isinstance(node, ast.Attribute):
            self.visit(node)
        elif self.resolve(node)[0] is UNKNOWN or node.id not in self.known:
            self.visit(node)

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute):
            self.descend(node.func.value)
        function, _ = self.resolve(node.func)
        constants = self.constants(node)
        if (function is __import__ or function is importlib.import_module) and constants and isinstance(constants[0], str):
            self.import_module(node, constants[0])
        self.touch(node.func, constants)
        if self.resolve(node)[0] is not UNKNOWN and function is getattr:
            self.touch(node, [])
        self.visit(node.func)
        for part in node.args + node.keywords:
            self.visit(part)

    def visit_Subscript(self, node):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else UNKNOWN
        if self.resolve(node.value)[1] == 'os.environ' and isinstance(node.ctx, ast.Load):
            self.touch(node.value, [key])
        self.generic_visit(node)

    # imports

    def import_module(self, node, name):
        module, error = guarded(load, name)
        if error is not None:
            self.broken(node, f'import {name}', error)
        return module

    def visit_Import(self, node):
        for alias in node.names:
            module = self.import_module(node, alias.name)
            top = alias.name.partition('.')[0]
            self.bound.add(alias.asname or top)
            self.known.pop(alias.asname or top, None)
            if module is not None and alias.asname:
                self.known[alias.asname] = (module, alias.name)
            elif module is not None:
                self.known[top] = (sys.modules[top], top)

    def visit_ImportFrom(self, node):
        if node.level:
            names = ', '.join(alias.name for alias in node.names)
            self.bound.update(alias.asname or alias.name for alias in node.names)
            return self.broken(node, f'from {"." * node.level}{node.module or ""} import {names}',
                               ImportError('attempted relative import with no known parent package'))
        module = self.import_module(node, node.module)
        for alias in node.names:
            if alias.name == '*':
                self.import_all(module)
            else:
                self.import_name(node, module, alias)

    def import_all(self, module):
        names = getattr(module, '__all__', None) or [name for name in dir(module) if not name.startswith('_')]
        for name in names if module is not None else ():
            self.bound.add(name)
            if hasattr(module, name):
                self.known[name] = (getattr(module, name), f'{module.__name__}.{name}')
        self.dynamic = self.dynamic or module is None

    def import_name(self, node, module, alias):
        full = f'{node.module}.{alias.name}'
        self.bound.add(alias.asname or alias.name)
        self.known.pop(alias.asname or alias.name, None)
        if module is None:
            return
        found, error = guarded(getattr, module, alias.name)
        if error is not None:
            found, error = guarded(load, full)
        if error is not None:
            return self.broken(node, f'from {node.module} import {alias.name}',
                               ImportError(f"cannot import name '{alias.name}' from '{node.module}'"))
        self.known[alias.asname or alias.name] = (found, full)

    # statements

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
            self.bind(target, node.value)

    def visit_With(self, node):
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, item.context_expr)
        for statement in node.body:
            self.visit(statement)

    def visit_For(self, node):
        self.forget(node.target)
        self.generic_visit(node)

    def visit_FunctionDef(self, node):
        """Inside, its arguments hide what had their names."""
        names = [argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
        hidden = {name: self.known.pop(name) for name in names if name in self.known}
        self.generic_visit(node)
        self.known.update(hidden)

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_Try(self, node):
        self.handlers[:0] = node.handlers
        for statement in node.body:
            self.visit(statement)
        del self.handlers[:len(node.handlers)]
        for part in node.handlers + node.orelse + node.finalbody:
            self.visit(part)

    def visit_If(self, node):
        """Of a question about Python's version only the part that will run."""
        answer = self.version_test(node.test)
        if answer is None:
            return self.generic_visit(node)
        for statement in node.body if answer else node.orelse:
            self.visit(statement)

    def version_test(self, test):
        plain = (ast.Compare, ast.Subscript, ast.Attribute, ast.Name, ast.Constant, ast.Tuple, ast.Slice, ast.BoolOp,
                 ast.UnaryOp, ast.Not, ast.And, ast.Or, ast.cmpop, ast.expr_context, ast.USub)
        nodes = list(ast.walk(test))
        names = [self.resolve_name(node.id)[0] for node in nodes if isinstance(node, ast.Name)]
        attributes = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
        if not names or any(found is not sys for found in names) or not all(isinstance(node, plain) for node in nodes) \
                or not set(attributes) <= {'version_info', 'hexversion', 'major', 'minor', 'platform'}:
            return None
        scope = {node.id: sys for node in nodes if isinstance(node, ast.Name)}
        return guarded(eval, compile(ast.Expression(test), '<test>', 'eval'), scope)[0]

def parse(function):
    """As pybox does: a definition, every line of the body behind a tab."""
    body = function['source'].replace('\r\n', '\n').replace('\r', '\n').replace('\n', '\n\t')
    source = f'def __plpython_procedure_{function["function"]}():\n\t{body}\n\n'
    tree = ast.parse(source)
    compile(tree, '<string>', 'exec', dont_inherit=True)
    return tree

def probe_one(function, probes):
    tree, error = guarded(parse, function)
    if isinstance(error, SyntaxError):
        return [((error.lineno or 1) - 1, 'syntax', 'broken', f'{type(error).__name__}: {error.msg}')]
    if error is not None:
        return [(None, 'syntax', 'broken', describe(error))]
    walker = Walker(probes, function['arguments'] or [], tree)
    error = guarded(walker.visit, tree)[1]
    found = [(line, what, grade, outcome) for (line, what), (grade, outcome) in walker.found.items()]
    if error is not None:
        found.append((None, 'probe', 'broken', describe(error)))
    return found

def probe_all(request, plpy):
    probes = Probes(plpy)
    return json.dumps([
        {'function': function['function'], 'line': line, 'what': what, 'grade': grade, 'outcome': outcome}
        for function in json.loads(request)
        for line, what, grade, outcome in probe_one(function, probes)])
