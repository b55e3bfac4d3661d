"""Readers and writers, each a thread, in many mounted folders.

Arguments: a seed, how many threads, how many seconds, a file for the outcome, the folders. Each thread has a
directory of its own in one folder, knows what must be in it, and checks what it reads. Prints a line of JSON
for each error: when, the errno (0: wrong bytes), what was done. The outcome: counts, the slowest call, and the
SHA-256 of every file that must be there in the end, by path; files whose last change failed are not in it.
"""
import errno, hashlib, json, os, random, sys, threading, time

seed, count, seconds, outcome, folders = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5:]
NAMES = [f"f{n}" for n in range(6)]
end = time.time() + seconds
lock = threading.Lock()
calls, slowest, kept = {}, [0, ""], {}


def note(**line):
    with lock:
        print(json.dumps({"at": time.time(), **line}), flush=True)


class Program(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.random = random.Random(seed * 1000 + number)
        self.folder = folders[number % len(folders)]
        self.home = f"{self.folder}/t{number}"
        self.made = False
        # None: nobody knows, as the last change failed.
        self.files = {}

    def run(self):
        while time.time() < end:
            work = self.random.choice([self.write, self.write, self.append, self.read, self.read, self.read, self.shared, self.list, self.rename, self.remove])
            start = time.time()
            try:
                if not self.made:
                    os.makedirs(self.home, exist_ok=True)
                    self.made = True
                work()
            except OSError as error:
                note(errno=error.errno, name=errno.errorcode.get(error.errno), what=work.__name__, took=time.time() - start)
            except AssertionError as error:
                note(errno=0, name="wrong bytes", what=f"{work.__name__} {error}")
            took = time.time() - start
            with lock:
                calls[work.__name__] = calls.get(work.__name__, 0) + 1
                if took > slowest[0]: slowest[:] = [took, work.__name__]
            time.sleep(self.random.random() * 0.2)

    def path(self, name): return f"{self.home}/{name}"

    def changing(self, name, content, change):
        self.files[name] = None
        change()
        self.files[name] = content

    def write(self):
        name = self.random.choice(NAMES)
        content = self.random.randbytes(self.random.choice([1, 1000, 30_000, 300_000]))
        def change():
            with open(self.path(name), "wb") as file: file.write(content)
        self.changing(name, content, change)

    def append(self):
        name = self.random.choice(NAMES)
        if self.files.get(name) is None: return
        def change():
            with open(self.path(name), "ab") as file: file.write(b"more")
        self.changing(name, self.files[name] + b"more", change)

    def read(self):
        known = [name for name, content in self.files.items() if content is not None]
        if not known: return
        name = self.random.choice(known)
        with open(self.path(name), "rb") as file: content = file.read()
        assert content == self.files[name], f"{self.path(name)}: {len(content)} bytes"

    def shared(self):
        number = self.random.randrange(50)
        with open(f"{self.folder}/shared/{number}", "rb") as file: content = file.read()
        assert content == (b"%d " % number) * 5000, f"shared/{number}: {len(content)} bytes"

    def list(self):
        found = os.listdir(self.home)
        missing = [name for name, content in self.files.items() if content is not None and name not in found]
        assert not missing, f"{self.home} lacks {missing}"

    def rename(self):
        old, new = self.random.sample(NAMES, 2)
        if self.files.get(old) is None: return
        content = self.files.pop(old)
        self.files[old] = None
        def change(): os.rename(self.path(old), self.path(new))
        self.changing(new, content, change)
        del self.files[old]

    def remove(self):
        known = [name for name, content in self.files.items() if content is not None]
        if not known: return
        name = self.random.choice(known)
        def change(): os.unlink(self.path(name))
        self.changing(name, None, change)
        del self.files[name]


programs = [Program(number) for number in range(count)]
for program in programs: program.start()
for program in programs: program.join()
for program in programs:
    for name, content in program.files.items():
        if content is not None: kept[program.path(name)] = hashlib.sha256(content).hexdigest()
with open(outcome, "w") as file: json.dump({"calls": calls, "slowest": slowest, "kept": kept}, file)
