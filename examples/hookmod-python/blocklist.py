#!/usr/bin/python3
"""A hook module for mtad in Python: blocks peers and sender domains.

It shows what a module without mtad's Go package has to do: the line that
go-plugin waits for, and the two streams of module.proto. Policy is the class
Blocklist; the rest is what every module needs.
"""

import os
import queue
import signal
import sys
import threading
from concurrent import futures

import grpc

try:
    import module_pb2 as pb
except ImportError:
    sys.exit("module_pb2.py is missing: run generate.sh first")

SERVICE = "mtad.module.v1.Module"
COOKIE = ("MTAD_MODULE", "4d0ae3b25c7f1896")
MAX_FRAME = 256 << 10  # bytes packed into one frame
MAX_ITEM = 64 << 20


class Outbox:
    """One direction of a stream: a frame holds all that waits."""

    def __init__(self, frame):
        self._frame = frame
        self._items = queue.Queue()

    def put(self, item):
        self._items.put(item)

    def close(self):
        self._items.put(None)

    def frames(self):
        item = self._items.get()
        while item is not None:
            frame, size = self._frame(), 0
            while item is not None:
                frame.items.append(item)
                size += item.ByteSize()
                if size >= MAX_FRAME:
                    break
                try:
                    item = self._items.get_nowait()
                except queue.Empty:
                    break
            yield frame
            if item is None:
                return
            item = self._items.get()


class Host:
    """What the module may ask of the core, over HostCalls."""

    def __init__(self, calls):
        self._calls = calls
        self.out = Outbox(pb.HostFrame)
        self._lock = threading.Lock()
        self._waiting = {}
        self._last = 0

    def ask(self, timeout, **body):
        answer = futures.Future()
        with self._lock:
            self._last += 1
            number = self._last
            self._waiting[number] = answer
        self.out.put(pb.HostItem(id=number, timeout_us=int(timeout * 1e6), **body))
        try:
            item = answer.result(timeout)
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if item.WhichOneof("body") == "failure":
            raise RuntimeError(item.failure.text)
        return item

    def answered(self, item):
        with self._lock:
            answer = self._waiting.pop(item.id, None)
        if answer is not None:
            answer.set_result(item)

    def dns(self, name, kind, timeout=10.0):
        query = pb.DNSQuery(name=name, type=kind)
        return self.ask(timeout, dns=query).dns_answer

    def log(self, text, level=pb.LEVEL_INFO):
        # Logs go with the calls, so that they come before the verdict.
        record = pb.Log(level=level, source="blocklist", text=text.encode())
        self._calls.put(pb.Item(log=record))


class PrepareError(Exception):
    def __init__(self, problems):
        super().__init__("; ".join(p.text for p in problems))
        self.problems = problems


class Blocklist:
    """The policy. A generation is its options: zones and sender domains."""

    def __init__(self, host):
        self._host = host
        self._worlds = {}

    def info(self):
        schema = pb.Schema(name="blocklist", options=[
            pb.Option(name="zones", type=pb.OPTION_LIST, help="DNS lists of peers."),
            pb.Option(name="domains", type=pb.OPTION_LIST, help="Domains whose senders are refused."),
        ])
        return pb.Info(name="blocklist", version="1.0", api=1, help="Refuses listed peers and senders.",
                       schema=schema.SerializeToString())

    def prepare(self, config):
        world = {"zones": [], "domains": []}
        problems = []
        for scope in config.scopes:
            for attr in scope.attrs:
                values = list(attr.value.list) or [attr.value]
                for v in values:
                    if v.kind != pb.VALUE_STRING:
                        problems.append(pb.Problem(file=attr.pos.file, line=attr.pos.line, column=attr.pos.column,
                                                   text=attr.name + " must hold names"))
                world[attr.name] = [v.text.lower() for v in values]
        if problems:
            raise PrepareError(problems)
        self._worlds[config.generation] = world
        self._host.log("%d zones, %d domains" % (len(world["zones"]), len(world["domains"])))
        return pb.Subscription(hooks=[pb.HOOK_VALIDATE_CONNECT, pb.HOOK_VALIDATE_MAILFROM])

    def forget(self, generation):
        self._worlds.pop(generation, None)

    def close(self):
        self._host.log("blocklist ends")

    def call(self, call):
        world = self._worlds[call.generation]
        answer = pb.Answer()
        for phase in call.phases:
            text = self._verdict(world, phase, call.state)
            result = answer.results.add()
            if text:
                result.verdict = pb.VERDICT_DONE
                result.reply.CopyFrom(pb.Reply(code=554, enhanced="5.7.1", text=text.encode()))
                break  # a refusal ends the run of phases
        return answer

    def _verdict(self, world, phase, state):
        if phase.hook == pb.HOOK_VALIDATE_MAILFROM:
            # Bytes, because a client may send anything.
            domain = phase.address.rpartition(b"@")[2].decode("ascii", "replace").lower()
            return "sender refused" if domain in world["domains"] else None
        for zone in world["zones"]:
            name = reverse(state.conn.peer)
            # RFC 5782 §2.1: a peer that is listed has an A record.
            if name and self._host.dns(name + "." + zone, "A").records:
                return "listed in " + zone
        return None


def reverse(peer):
    """192.0.2.1:25 -> 1.2.0.192; None for what is not IPv4."""
    if peer.startswith("["):
        return None
    octets = peer.rpartition(":")[0].split(".")
    return ".".join(reversed(octets)) if len(octets) == 4 else None


class Module:
    """Both streams. Items that take time go to the pool; steps stay in order."""

    def __init__(self):
        self.out = Outbox(pb.Frame)
        self.host = Host(self.out)
        self.policy = Blocklist(self.host)
        self.pool = futures.ThreadPoolExecutor(max_workers=16)
        self.steps = futures.ThreadPoolExecutor(max_workers=1)
        self.ended = threading.Event()
        self._over = False

    def calls(self, frames, _context):
        threading.Thread(target=self._read, args=(frames,), daemon=True).start()
        yield from self.out.frames()

    def _read(self, frames):
        try:
            for frame in frames:
                for item in frame.items:
                    self._take(item)
        except grpc.RpcError:
            pass  # the core is gone: the same as its orderly end
        self.steps.submit(self._end).result(5)
        self.out.close()
        self.host.out.close()
        self.ended.set()

    def _take(self, item):
        kind = item.WhichOneof("body")
        if kind in ("call", "heartbeat", "info_request"):
            self.pool.submit(self._answer, item, kind)
        elif kind in ("prepare", "commit", "abort", "retire", "close"):
            self.steps.submit(self._answer, item, kind)
        elif kind in ("query", "control"):
            failure = pb.Failure(text="not supported", kind=pb.FAILURE_NOT_SUPPORTED)
            self.out.put(pb.Item(id=item.id, failure=failure))

    def _answer(self, item, kind):
        try:
            out = getattr(self, "_" + kind)(item)
        except PrepareError as e:
            out = pb.Item(failure=pb.Failure(text=str(e), prepare=pb.PrepareFailure(problems=e.problems)))
        except Exception as e:  # whatever a policy does wrong is told to the core
            out = pb.Item(failure=pb.Failure(text=repr(e)))
        out.id = item.id
        self.out.put(out)

    def _call(self, item):
        return pb.Item(answer=self.policy.call(item.call))

    def _heartbeat(self, _item):
        return pb.Item(heartbeat_reply=pb.HeartbeatReply())

    def _info_request(self, _item):
        return pb.Item(info=self.policy.info())

    def _prepare(self, item):
        return pb.Item(subscription=self.policy.prepare(item.prepare))

    def _commit(self, _item):
        return pb.Item(done=pb.Done())

    def _abort(self, item):
        self.policy.forget(item.abort.generation)
        return pb.Item(done=pb.Done())

    def _retire(self, item):
        self.policy.forget(item.retire.generation)
        return pb.Item(done=pb.Done())

    def _close(self, _item):
        self._end()
        return pb.Item(done=pb.Done())

    def _end(self):
        # Asked to close, or left alone by a core that died.
        if not self._over:
            self._over = True
            self.policy.close()

    def host_calls(self, frames, _context):
        threading.Thread(target=self._read_answers, args=(frames,), daemon=True).start()
        yield from self.host.out.frames()

    def _read_answers(self, frames):
        try:
            for frame in frames:
                for item in frame.items:
                    self.host.answered(item)
        except grpc.RpcError:
            pass

    def service(self):
        return grpc.method_handlers_generic_handler(SERVICE, {
            "Calls": grpc.stream_stream_rpc_method_handler(
                self.calls, pb.Frame.FromString, pb.Frame.SerializeToString),
            "HostCalls": grpc.stream_stream_rpc_method_handler(
                self.host_calls, pb.HostFrame.FromString, pb.HostFrame.SerializeToString),
        })


def heed_signals(module):
    """TERM and INT mean nothing while the core lives: it ends its modules itself."""
    core = os.getppid()

    def heed(_signal, _frame):
        if os.getppid() != core:
            module.ended.set()

    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(s, heed)


def main():
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.exit("This is a module of mtad, which starts it itself.")
    module = Module()
    heed_signals(module)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=[
        ("grpc.max_receive_message_length", MAX_ITEM + MAX_FRAME),
        ("grpc.max_send_message_length", MAX_ITEM + MAX_FRAME),
    ])
    server.add_generic_rpc_handlers((module.service(),))
    path = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "blocklist%d" % os.getpid())
    server.add_insecure_port("unix:" + path)
    server.start()
    # go-plugin's handshake: its version, ours, where we listen, how we speak.
    print("1|1|unix|%s|grpc" % path, flush=True)
    module.ended.wait()
    server.stop(1).wait()
    os._exit(0)


if __name__ == "__main__":
    main()
