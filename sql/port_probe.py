"""What a function needs, tried: the program of pybox.port_report(), run in an interpreter of each language.

It compiles a body as pybox would, walks its syntax tree, imports what it imports, follows names to the objects they stand
for, and for objects that reach outside (PROBES) does something harmless of the same kind. It never runs the body. It
reports what it met: a grade and the exception's own words. The build puts this text into two SQL functions, so it is the
inside of a function: no `global`, and the indentation of the tables does not matter.

grade: 'broken' fails wherever it is met, 'refused' is kept from it by the system, 'elsewhere' was not found but may be in a
folder that the function works out, 'note' is worth knowing, 'fine' is the rest: an outcome that may still differ between two
interpreters.
"""
import ast
import builtins
import importlib
import inspect
import io
import json
import signal
import sys
import textwrap
import types

IMPORT_SECONDS = 20
UNKNOWN = object()  # a value, or an argument, that only running the function would tell
IN_MEMORY = object() # an argument that is a file of io

# What mentions of these may do to names is out of sight.
NAME_MAKERS = {'eval', 'exec', 'globals', 'locals', 'vars'}
GIVEN = {'plpy', 'SD', 'GD', 'TD', 'args', '__name__', '__builtins__', '__doc__', '__file__', '__spec__', '__loader__',
         '__package__', '__class__'}

# Where some functions take it by place: the second argument is a mode, the first a file.
KEYWORDS = {'mode': 1, 'filename': 0, 'fileobj': 0, 'file': 0, 'fname': 0, 'filepath_or_buffer': 0, 'path_or_buf': 0, 'locale': 1}

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
    return ('fine', 'note', 'elsewhere', 'refused', 'broken').index(grade), outcome is not None

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
        self.common = common_folders()
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

    def reaches(self, module):
        """Whether rows speak of what is in it."""
        return any(name.startswith(module + '.') for names, *_ in PROBES for name in names.split())

    def run(self, row, arguments):
        key = (row[0], repr(arguments))
        if key not in self.results:
            self.results[key] = self.attempt(row, arguments)
        return self.results[key]

    def attempt(self, row, arguments):
        value, error = guarded(row[1], arguments)
        if error is None:
            return row[2] if row[2] and value else 'fine', None if value is None else str(value), None
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

class Folders:
    """sys.path as one function changes it, and what it imports from there. Nothing of it is there for the next function."""
    kept = {}  # folder -> {name: module}: found before, so that another function finds it soon

    def __init__(self, common):
        self.path = sys.path[:]
        self.pools = [folder for folder in sys.path if folder not in common]
        self.own = []
        self.unknown = False  # it adds what only running it would tell
        self.before = set(sys.modules)

    def change(self, method, arguments):
        if method in ('insert', 'append'):
            folder = arguments[-1] if arguments else UNKNOWN
            if isinstance(folder, str):
                self.add(folder)
            else:
                self.unknown = True
        elif method in ('extend', '__setitem__', '__iadd__'):
            self.unknown = True

    def add(self, folder):
        sys.path.insert(0, folder)
        self.own.append(folder)
        for name, module in self.kept.get(folder, {}).items():
            sys.modules.setdefault(name, module)

    def home(self, module):
        """The folder that is this function's own, or the pool's, where a module was found; or None."""
        file = getattr(module, '__file__', None) or ''
        return next((folder for folder in self.own + self.pools if file.startswith(folder + '/')), None)

    def is_known(self):
        """Whether all of it is: what could not be read is taken for the pool's packages, if anything was found there."""
        return not self.unknown or any(self.home(module) for module in list(sys.modules.values()))

    def restore(self):
        sys.path[:] = self.path
        for name in set(sys.modules) - self.before:
            folder = self.home(sys.modules[name])
            if folder in self.own:
                self.kept.setdefault(folder, {})[name] = sys.modules.pop(name)

def common_folders():
    """Where everybody's modules are."""
    import site
    import sysconfig
    standard = sysconfig.get_paths()['stdlib']
    return {standard, standard + '/lib-dynload', standard.replace('.', '') + '.zip', *site.getsitepackages()}

# --- one function ---------------------------------------------------------------------------------------------------

class Walker(ast.NodeVisitor):
    def __init__(self, probes, arguments, tree, folders):
        self.probes = probes
        self.folders = folders
        self.found = {}
        self.handlers = []  # of the try statements around
        self.conditions = 0 # how many statements around decide whether this one runs
        self.elsewhere = {} # imports that found nothing, as found
        self.followed = set() # the code of functions looked into
        self.called = set() # nodes that have been tried with the arguments of their call
        self.known = {}     # name -> (object, its full name)
        self.members = {}   # the same for what classes and other objects hold, whichever
        self.whole = tree.body[0]
        self.bound = bound_names(tree) - {self.whole.name}
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
        if isinstance(node, ast.Subscript) and self.resolve(node.value)[0] is sys.modules:
            name = self.constant(node.slice)
            return (sys.modules[name], name) if isinstance(name, str) and name in sys.modules else (UNKNOWN, '')
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
            return self.members.get(attribute, (UNKNOWN, ''))
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
        """Of a call: its arguments, KEYWORDS at their places."""
        values = [self.constant(argument) for argument in node.args]
        for keyword in node.keywords:
            place = KEYWORDS.get(keyword.arg)
            if place is not None:
                values += [UNKNOWN] * (place + 1 - len(values))
                values[place] = self.constant(keyword.value)
        return values

    def constant(self, node):
        if isinstance(node, ast.Constant):
            return node.value
        kind = UNKNOWN
        if isinstance(node, ast.Name):
            kind = getattr(self.resolve_name(node.id)[0], 'kind', UNKNOWN)
        elif isinstance(node, ast.Call) and isinstance(getattr(node.func, 'value', node.func), ast.Name):
            kind = self.resolve(node.func)[0]
        return IN_MEMORY if kind in (io.StringIO, io.BytesIO) else UNKNOWN

    def forget(self, target):
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self.known.pop(node.id, None)

    def bind(self, target, value):
        found, name = self.resolve(value)
        self.forget(target)
        if isinstance(target, ast.Name) and found is not UNKNOWN:
            self.known[target.id] = (found, name)
        elif isinstance(target, ast.Attribute) and isinstance(found, (types.ModuleType, Instance)):
            self.members[target.attr] = (found, name)

    def visit_ClassDef(self, node):
        """Its methods last: what its own statements bind is an attribute of theirs."""
        methods = [part for part in node.body if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef))]
        before, self.known = self.known, dict(self.known)
        for part in ast.iter_child_nodes(node):
            if part not in methods:
                self.visit(part)
        self.members.update({name: found for name, found in self.known.items() if before.get(name) != found})
        self.known = before
        for method in methods:
            self.visit(method)

    # what reaches outside

    def touch(self, node, arguments):
        """A mention of an object: tries what it does."""
        found, name = self.resolve(node)
        if found is UNKNOWN or isinstance(found, Instance) or node in self.called:
            return
        self.called.add(node)
        row = self.probes.get(found, name)
        if row is None:
            return self.follow(node, found, name)
        grade, outcome, error = self.probes.run(row, arguments)
        if grade != 'broken' or not self.excused(error):
            self.report(node, name, grade, outcome)

    def follow(self, node, function, name):
        """Into a function of the folders that are not everybody's: what the system keeps from it is kept from its callers."""
        if not isinstance(function, types.FunctionType) or function.__code__ in self.followed \
                or self.folders.home(sys.modules.get(function.__module__)) is None:
            return
        self.followed.add(function.__code__)
        tree, error = guarded(lambda: ast.parse(textwrap.dedent(inspect.getsource(function))))
        if error is not None or not isinstance(tree.body[0], ast.FunctionDef):
            return
        inner = Walker(self.probes, [], tree, self.folders)
        inner.followed = self.followed
        inner.dynamic = True
        inner.known = {key: (value, value.__name__) for key, value in function.__globals__.items() if isinstance(value, types.ModuleType)}
        inner.known.update({key: (value, f'{value.__module__}.{value.__qualname__}') for key, value in function.__globals__.items()
                            if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType))})
        guarded(inner.visit, tree)
        for (_, what), (grade, outcome) in inner.found.items():
            if grade in ('refused', 'fine'):
                self.report(node, f'{name}: {what}', grade, outcome)

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            return
        self.touch(node, [])
        if self.dynamic or node.id in self.known or node.id in self.bound or node.id in self.given or hasattr(builtins, node.id):
            return
        error = NameError(f"name '{node.id}' is not defined", name=node.id)
        if self.conditions == 0:
            self.broken(node, node.id, error)
        elif not self.excused(error):
            self.report(node, node.id, 'note', describe(error))

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
        self.folders.change(*self.folder_call(node, constants))
        self.touch(node.func, constants)
        if self.resolve(node)[0] is not UNKNOWN and function is getattr:
            self.touch(node, [])
        self.visit(node.func)
        for part in node.args + node.keywords:
            if function is not getattr or self.resolve(node)[0] is UNKNOWN:
                self.hand_on(part)
            self.visit(part)

    def hand_on(self, node):
        """A module as an argument, such as of getattr(): what it is for is out of sight."""
        module, name = self.resolve(node)
        if isinstance(module, types.ModuleType) and self.probes.reaches(name):
            self.report(node, name, 'note', 'what is done with it as an argument is not looked at')

    def folder_call(self, node, constants):
        """(what it is, its arguments) of a call that changes where modules are found; ('', []) of others."""
        if self.resolve(node.func)[1] == 'site.addsitedir':
            return 'append', constants
        if isinstance(node.func, ast.Attribute) and self.resolve(node.func.value)[0] is sys.path:
            return node.func.attr, constants
        return '', []

    def visit_Subscript(self, node):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else UNKNOWN
        if self.resolve(node.value)[1] == 'os.environ' and isinstance(node.ctx, ast.Load):
            self.touch(node.value, [key])
        self.generic_visit(node)

    # imports

    def import_module(self, node, name):
        module, error = guarded(load, name)
        if isinstance(error, ModuleNotFoundError) and not self.excused(error):
            self.elsewhere[node.lineno - 1, f'import {name}'] = describe(error)
        elif error is not None:
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

    def visit_perhaps(self, nodes):
        """What may be passed over when the function runs."""
        self.conditions += 1
        for node in nodes:
            self.visit(node)
        self.conditions -= 1

    def visit_For(self, node):
        self.forget(node.target)
        self.visit(node.iter)
        self.visit_perhaps([node.target] + node.body + node.orelse)

    visit_AsyncFor = visit_For

    def visit_While(self, node):
        self.visit(node.test)
        self.visit_perhaps(node.body + node.orelse)

    def visit_IfExp(self, node):
        self.visit(node.test)
        self.visit_perhaps([node.body, node.orelse])

    def visit_BoolOp(self, node):
        self.visit(node.values[0])
        self.visit_perhaps(node.values[1:])

    def visit_FunctionDef(self, node):
        """Inside, its arguments hide what had their names."""
        names = [argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
        hidden = {name: self.known.pop(name) for name in names if name in self.known}
        if node is self.whole:
            self.generic_visit(node)
        else:
            self.visit_perhaps(ast.iter_child_nodes(node))
        self.known.update(hidden)

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_Try(self, node):
        self.handlers[:0] = node.handlers
        for statement in node.body:
            self.visit(statement)
        del self.handlers[:len(node.handlers)]
        self.visit_perhaps(node.handlers)
        for part in node.orelse + node.finalbody:
            self.visit(part)

    def visit_If(self, node):
        """Of a question about Python's version only the part that will run."""
        answer = self.version_test(node.test)
        if answer is None:
            self.visit(node.test)
            return self.visit_perhaps(node.body + node.orelse)
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
    folders = Folders(probes.common)
    walker = Walker(probes, function['arguments'] or [], tree, folders)
    error = guarded(walker.visit, tree)[1]
    grade, more = ('broken', '') if folders.is_known() else ('elsewhere', ', but it also looks where only running it would tell')
    folders.restore()
    found = [(line, what, grade, outcome + more) for (line, what), outcome in walker.elsewhere.items()]
    found += [(line, what, grade, outcome) for (line, what), (grade, outcome) in walker.found.items()]
    if error is not None:
        found.append((None, 'probe', 'broken', describe(error)))
    return found

def probe_all(request, plpy):
    probes = Probes(plpy)
    return json.dumps([
        {'function': function['function'], 'line': line, 'what': what, 'grade': grade, 'outcome': outcome}
        for function in json.loads(request)
        for line, what, grade, outcome in probe_one(function, probes)])
