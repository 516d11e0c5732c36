"""What pybox.port_report() tries, as a table: the first half of its program, port_probe.py is the second."""
# --- what is tried --------------------------------------------------------------------------------------------------
# Each takes the constant arguments of the call (UNKNOWN where they are none, IN_MEMORY for a file of io) and does something harmless of its kind.
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
    if arguments and arguments[0] is IN_MEMORY:
        return
    path = path_like(constant(arguments, 0, None), None)
    mode = constant(arguments, 1, 'r')
    if isinstance(mode, str) and set(mode) & set('wax+'):
        return try_write(path or '/tmp/')
    with open(path or '/etc/passwd', 'rb'):
        pass

def try_read(arguments):
    return try_open(list(arguments[:1]))

def try_writing(arguments):
    if not arguments or arguments[0] is not IN_MEMORY:
        try_write(path_like(constant(arguments, 0, None), '/tmp/'))

def try_logging(arguments):
    """Without a file it goes to sys.stderr."""
    if isinstance(constant(arguments, 0, None), str):
        try_write(arguments[0])

def try_which(arguments):
    import shutil
    name = constant(arguments, 0, 'sh')
    return f'{name} {"is" if shutil.which(name) else "is not"} there' if isinstance(name, str) else None

def try_user(arguments):
    import os
    import pwd
    pwd.getpwuid(os.getuid())

def try_locale(arguments):
    import locale
    name = constant(arguments, 1, None)
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, name if isinstance(name, str) else None)
    locale.setlocale(locale.LC_ALL, before)

def try_poll(arguments):
    import select
    select.epoll().close()

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

def try_processes(arguments):
    with open('/proc/stat', 'rb'):
        pass

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

def import_note(arguments):
    if arguments and arguments[0] is UNKNOWN:
        return 'what it imports only running it would tell'

def dynamic_note(arguments):
    return 'what it runs is not looked at'

def print_note(arguments):
    if not arguments or arguments[0] is not IN_MEMORY:
        return 'what it prints goes nowhere, and not to the log of the server'

def fatal_note(arguments):
    return 'in language pybox it ends the statement and not the session'

# name or names, what to try, and 'note' where it is only said. module.* is every function and class of a module but its
# exceptions. A module that is not there has no rows.
PROBES = [
    ('open io.open io.FileIO os.open codecs.open gzip.open bz2.open lzma.open gzip.GzipFile', try_open),
    ('zipfile.ZipFile tarfile.open shelve.open dbm.open', try_open),
    ('logging.FileHandler logging.handlers.RotatingFileHandler logging.handlers.TimedRotatingFileHandler', try_writing),
    ('xml.etree.ElementTree.parse xml.etree.ElementTree.iterparse xml.dom.minidom.parse xml.sax.parse lxml.etree.parse', try_read),
    ('fileinput.input linecache.getline configparser.ConfigParser.read runpy.run_path', try_read),
    ('os.truncate os.mkfifo os.mknod os.utime os.chmod os.chown os.lchown os.setxattr', try_writing),
    ('os.mkdir os.makedirs os.symlink os.link', try_writing),
    ('os.remove os.unlink os.rename os.renames os.replace os.rmdir os.removedirs', try_remove),
    ('shutil.rmtree', try_remove),
    ('shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move shutil.make_archive shutil.unpack_archive', try_instance_write),
    ('os.listdir os.scandir os.walk os.fwalk glob.glob glob.iglob', try_list),
    ('os.stat os.lstat os.access os.readlink os.path.exists os.path.isfile os.path.isdir os.path.getsize os.path.getmtime', try_stat),
    ('os.chdir os.fchdir', try_chdir), ('shutil.which', try_which), ('logging.basicConfig', try_logging),
    ('getpass.getuser pwd.* grp.*', try_user), ('locale.setlocale', try_locale), ('select.epoll selectors.*', try_poll),
    ('os.environ', try_environment), ('os.getenv os.environ.get', try_environment_get),
    ('os.system', try_shell),
    ('os.popen os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe', try_program),
    ('os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe', try_program),
    ('os.posix_spawn os.posix_spawnp pty.spawn asyncio.create_subprocess_exec asyncio.create_subprocess_shell', try_program),
    ('subprocess.run subprocess.Popen subprocess.call subprocess.check_call subprocess.check_output', try_program),
    ('subprocess.getoutput subprocess.getstatusoutput webbrowser.open', try_program),
    ('os.fork os.forkpty pty.fork multiprocessing.Process multiprocessing.Pool multiprocessing.Manager multiprocessing.get_context', try_fork),
    ('multiprocessing.pool.Pool multiprocessing.Queue concurrent.futures.ProcessPoolExecutor', try_fork),
    ('joblib.Parallel', try_fork),
    ('os.kill os.killpg', try_kill),
    ('os.chroot time.clock_settime time.clock_settime_ns socket.sethostname', try_forbidden),
    ('threading.Thread threading.Timer _thread.start_new_thread multiprocessing.pool.ThreadPool', try_thread),
    ('concurrent.futures.ThreadPoolExecutor', try_thread),
    ('socket.socket socket.create_connection socket.create_server socket.getaddrinfo socket.gethostbyname', try_socket),
    ('socket.gethostbyname_ex socket.gethostbyaddr socket.getnameinfo socket.getfqdn ssl.get_server_certificate', try_socket),
    ('urllib.request.urlopen urllib.request.urlretrieve urllib.request.OpenerDirector.open urllib.request.build_opener', try_socket),
    ('http.client.HTTPConnection http.client.HTTPSConnection xmlrpc.client.ServerProxy', try_socket),
    ('smtplib.SMTP smtplib.SMTP_SSL smtplib.LMTP ftplib.FTP ftplib.FTP_TLS poplib.POP3 poplib.POP3_SSL', try_socket),
    ('imaplib.IMAP4 imaplib.IMAP4_SSL nntplib.NNTP telnetlib.Telnet socketserver.* http.server.*', try_socket),
    ('wsgiref.simple_server.* openai.* ollama.* anthropic.* cohere.* voyageai.* litellm.*', try_socket),
    ('asyncio.open_connection asyncio.start_server logging.handlers.SocketHandler logging.handlers.SMTPHandler', try_socket),
    ('asyncio.run asyncio.new_event_loop asyncio.get_event_loop socket.socketpair', try_pair),
    ('requests.* urllib3.* httpx.* aiohttp.* paramiko.* boto3.* botocore.* pika.* redis.* pymongo.* kafka.*', try_socket),
    ('zmq.* ldap3.* suds.* zeep.* pymysql.connect MySQLdb.connect pyodbc.connect cx_Oracle.connect oracledb.connect', try_socket),
    ('psycopg2.connect psycopg.connect pg8000.connect pygresql.connect asyncpg.connect', try_local_socket),
    ('logging.handlers.SysLogHandler syslog.syslog syslog.openlog', try_local_socket),
    ('psutil.*', try_processes),
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
    ('sys.path site.addsitedir', path_note, 'note'), ('eval exec compile', dynamic_note, 'note'),
    ('__import__ importlib.import_module', import_note, 'note'), ('pickle.load pickle.loads marshal.loads runpy.run_module', dynamic_note, 'note'), ('plpy.fatal', fatal_note, 'note'),
    ('print', print_note, 'note'),
]
