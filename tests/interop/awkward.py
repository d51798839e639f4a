"""A Paramiko server with awkward habits, for clients to meet.

Each habit is something that a real server does, or that a hostile one could do. A server has any of
them, and records what was asked of it.
"""

import contextlib
import os
import random
import socket
import struct
import threading

import paramiko
from paramiko import sftp
from paramiko.message import Message

# Names that no directory of ours may get from a server.
EVIL_NAMES = ["../escape", "..", ".", "", "/etc/escape", "sub/escape", "sub/../../escape",
              "nul\0escape", "a/", "//escape"]
# Names that are odd, and names all the same.
ODD_NAMES = ["new\nline", "esc\x1b[2Jape", "tab\tbed", "-dash", "back\\slash", "q'uote\"s", "*", "[a",
             "\x7f", "Grüße"]

HABITS = {
    "no-setstat": "refuses SETSTAT and FSETSTAT",
    "no-overwriting-rename": "refuses a RENAME onto what exists, and has no posix-rename",
    "no-rename": "refuses every RENAME",
    "no-extensions": "offers none",
    "read-once": "a file is gone once it was opened; a STAT of it while it is open takes it away",
    "out-of-order": "answers requests that came together from the last to the first",
    "short-reads": "answers a READ with any number of bytes up to what was asked",
    "reads-4k": "answers a READ with at most 4096 bytes",
    "says-more": "says that files are longer than they are",
    "says-less": "says that files are shorter than they are",
    "no-sizes": "doesn't say how long files are",
    "endless-directory": "answers READDIR for ever",
    "evil-names": "has names in directories that lead out of them",
    "odd-names": "has names with control characters in them",
    "huge-packet": "answers a READ with a packet of 2 GiB, by its length",
    "too-much-data": "answers a READ with more than was asked",
    "wrong-id": "answers a READ under an id that nobody used",
    "wrong-type": "answers a READ with ATTRS",
    "no-answer": "never answers a READ",
    "empty-data": "answers a READ with no bytes, and no EOF, for ever",
    "no-temporary-names": "refuses to create names that begin with a dot",
    "quota": "has no room for more than 100,000 bytes of a file",
    "stat-fails": "refuses STAT and LSTAT",
    "failing-close": "fails at CLOSE of what was written",
}


class Login(paramiko.ServerInterface):
    def __init__(self, key):
        self.key = key

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key == self.key else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "publickey"

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED


class Handle(paramiko.SFTPHandle):
    """An open file, read and written at any place."""

    def __init__(self, files, path, fd, writes):
        super().__init__()
        self.files, self.path, self.fd, self.writes = files, path, fd, writes

    def close(self):
        os.close(self.fd)

    def read(self, offset, length):
        if "reads-4k" in self.files.habits:
            length = min(length, 4096)
        if "short-reads" in self.files.habits:
            length = self.files.random.randint(1, length)
        return os.pread(self.fd, length, offset)

    def write(self, offset, data):
        if "quota" in self.files.habits and offset + len(data) > 100_000:
            return paramiko.SFTP_FAILURE
        os.pwrite(self.fd, data, offset)
        return paramiko.SFTP_OK

    def stat(self):
        self.files.note("fstat", self.path)
        return self.files.attrs(os.fstat(self.fd))

    def chattr(self, attr):
        self.files.note("fsetstat", self.path)
        if "no-setstat" in self.files.habits:
            return paramiko.SFTP_PERMISSION_DENIED
        return self.files.guard(paramiko.SFTPServer.set_file_attr, self.files.real(self.path), attr)


class Files(paramiko.SFTPServerInterface):
    """The files below a directory, with the server's habits."""

    def __init__(self, _login, server):
        self.server, self.habits, self.root = server, server.habits, server.root
        self.random = random.Random(1)

    def note(self, *words):
        self.server.asked.append(words)

    def real(self, path):
        return str(self.root) + os.path.normpath("/" + path)

    def guard(self, function, *arguments):
        try:
            function(*arguments)
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno)
        return paramiko.SFTP_OK

    def attrs(self, st, name=None):
        attrs = paramiko.SFTPAttributes.from_stat(st, name)
        if "says-more" in self.habits and attrs.st_size is not None:
            attrs.st_size += 10_000
        if "says-less" in self.habits and attrs.st_size is not None:
            attrs.st_size //= 2
        if "no-sizes" in self.habits:
            attrs.st_size = None
            attrs._flags &= ~attrs.FLAG_SIZE
        return attrs

    def list_folder(self, path):
        self.note("list", path)
        real = self.real(path)
        try:
            found = [self.attrs(os.lstat(os.path.join(real, name)), name)
                     for name in sorted(os.listdir(real))]
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno)
        more = (EVIL_NAMES if "evil-names" in self.habits else []) + \
            (ODD_NAMES if "odd-names" in self.habits else [])
        for name in more:
            found.append(self.attrs(os.stat(self.server.sample), name))
        return found

    def look(self, path, stat):
        self.note("stat", path)
        if "stat-fails" in self.habits:
            return paramiko.SFTP_PERMISSION_DENIED
        if "read-once" in self.habits and path in self.server.opened:
            return paramiko.SFTP_NO_SUCH_FILE
        real = self.real(path)
        if "odd-names" in self.habits and os.path.basename(path) in ODD_NAMES:
            real = self.server.sample
        try:
            return self.attrs(stat(real))
        except (OSError, ValueError) as e:
            return paramiko.SFTPServer.convert_errno(getattr(e, "errno", 0))

    def stat(self, path):
        return self.look(path, os.stat)

    def lstat(self, path):
        return self.look(path, os.lstat)

    def open(self, path, flags, attr):
        self.note("open", path)
        if "read-once" in self.habits and not flags & (os.O_WRONLY | os.O_RDWR):
            if path in self.server.opened:
                return paramiko.SFTP_NO_SUCH_FILE
            self.server.opened.add(path)
        if "no-temporary-names" in self.habits and flags & os.O_CREAT and \
                os.path.basename(path).startswith("."):
            return paramiko.SFTP_PERMISSION_DENIED
        real = self.real(path)
        if "odd-names" in self.habits and os.path.basename(path) in ODD_NAMES:
            real = self.server.sample
        if "evil-names" in self.habits and "escape" in path:
            real = self.server.sample
        try:
            fd = os.open(real, flags & ~os.O_APPEND, 0o666)
        except (OSError, ValueError) as e:
            return paramiko.SFTPServer.convert_errno(getattr(e, "errno", 0))
        return Handle(self, path, fd, bool(flags & (os.O_WRONLY | os.O_RDWR)))

    def remove(self, path):
        self.note("remove", path)
        return self.guard(os.remove, self.real(path))

    def rename(self, oldpath, newpath):
        self.note("rename", oldpath, newpath)
        if "no-rename" in self.habits:
            return paramiko.SFTP_PERMISSION_DENIED
        if os.path.lexists(self.real(newpath)):
            return paramiko.SFTP_FAILURE
        return self.guard(os.rename, self.real(oldpath), self.real(newpath))

    def posix_rename(self, oldpath, newpath):
        self.note("posix-rename", oldpath, newpath)
        if {"no-rename", "no-overwriting-rename", "no-extensions"} & self.habits:
            return paramiko.SFTP_OP_UNSUPPORTED
        return self.guard(os.replace, self.real(oldpath), self.real(newpath))

    def mkdir(self, path, attr):
        self.note("mkdir", path)
        return self.guard(os.mkdir, self.real(path))

    def rmdir(self, path):
        self.note("rmdir", path)
        return self.guard(os.rmdir, self.real(path))

    def chattr(self, path, attr):
        self.note("setstat", path)
        if "no-setstat" in self.habits:
            return paramiko.SFTP_PERMISSION_DENIED
        return self.guard(paramiko.SFTPServer.set_file_attr, self.real(path), attr)

    def canonicalize(self, path):
        return os.path.normpath("/" + path)


class Session(paramiko.SFTPServer):
    """The packets: what a habit changes about them."""

    def __init__(self, channel, name, login, si, server):
        super().__init__(channel, name, login, si, server)
        self.awkward = server
        self.habits = server.habits
        self.held = []
        self.lock = threading.Lock()

    def _send_server_version(self):
        kind, data = self._read_packet()
        assert kind == sftp.CMD_INIT
        message = Message()
        message.add_int(3)
        if not {"no-extensions", "no-overwriting-rename", "no-rename"} & self.habits:
            message.add("posix-rename@openssh.com", "1", "check-file", "md5,sha1")
        self._send_packet(sftp.CMD_VERSION, message)

    def _send_packet(self, kind, packet):
        if "out-of-order" not in self.habits or kind == sftp.CMD_VERSION:
            return super()._send_packet(kind, packet)
        with self.lock:
            self.held.append((kind, packet))
            if len(self.held) == 1:
                threading.Timer(0.005, self._release).start()
        return None

    def _release(self):
        with self.lock:
            held, self.held = self.held, []
        with contextlib.suppress(Exception):
            for kind, packet in reversed(held):
                super()._send_packet(kind, packet)

    def _process(self, kind, number, message):
        if kind == sftp.CMD_READ and self._answer_badly(number):
            return
        if kind == sftp.CMD_READDIR and "endless-directory" in self.habits:
            self._answer_endlessly(number)
            return
        if kind == sftp.CMD_CLOSE and "failing-close" in self.habits:
            handle = message.get_binary()
            file = self.file_table.pop(handle, None)
            if file is not None:
                file.close()
            self._send_status(number, paramiko.SFTP_FAILURE if file is not None and file.writes
                              else paramiko.SFTP_OK)
            return
        super()._process(kind, number, message)

    def _answer_badly(self, number):
        if "huge-packet" in self.habits:
            self._write_all(struct.pack(">IBI", 0x7fffffff, sftp.CMD_DATA, number) + bytes(4096))
        elif "too-much-data" in self.habits:
            self._response(number, sftp.CMD_DATA, bytes(1 << 20))
        elif "wrong-id" in self.habits:
            self._response(number + 12345, sftp.CMD_DATA, b"data")
        elif "wrong-type" in self.habits:
            self._response(number, sftp.CMD_ATTRS, paramiko.SFTPAttributes())
        elif "empty-data" in self.habits:
            self._response(number, sftp.CMD_DATA, b"")
        else:
            return "no-answer" in self.habits
        return True

    def _answer_endlessly(self, number):
        message = Message()
        message.add_int(number)
        message.add_int(100)
        for _ in range(100):
            self.awkward.n_endless += 1
            message.add_string(f"file{self.awkward.n_endless}")
            message.add_string("-")
            paramiko.SFTPAttributes()._pack(message)
        self._send_packet(sftp.CMD_NAME, message)


class Server:
    """Listens on a port of this machine until it is closed."""

    def __init__(self, root, host_key, user_key, habits=()):
        unknown = set(habits) - set(HABITS)
        assert not unknown, f"no such habit: {unknown}"
        self.root, self.habits = root, set(habits)
        self.host_key = paramiko.PKey.from_private_key_file(str(host_key)) \
            if not isinstance(host_key, paramiko.PKey) else host_key
        self.login = Login(user_key)
        self.asked, self.opened, self.n_endless = [], set(), 0
        self.sample = root.parent / "sample"
        self.sample.write_bytes(b"sample")
        self.transports = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.host_key)
            transport.set_subsystem_handler("sftp", Session, Files, self)
            self.transports.append(transport)
            # Whoever hangs up during the handshake is no business of ours.
            with contextlib.suppress(Exception):
                transport.start_server(event=threading.Event(), server=self.login)

    def asked_for(self, *kinds):
        return [words for words in self.asked if words[0] in kinds]

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for transport in self.transports:
            transport.close()
        self.thread.join(5)
