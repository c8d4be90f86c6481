"""Kea, the ledger and clients in network namespaces of their own. Standard library only; needs root, iproute2 and Debian's Kea.

Three namespaces: the clients' and the server's are joined by one veth pair, the server's and the ledger's by another, which can be
cut. Control sockets are files. Everything that a World starts ends with it, by its process id.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "kea"))
from control_channel import ask  # noqa: E402

HOOKS = "/usr/lib/x86_64-linux-gnu/kea/hooks"
SKIPPED = 77
PASSWORD = "a long secret"
ROADS = ("ha", "ha-wait", "hook", "hook-async", "none")


def skip(why):
    print("skipped:", why)
    sys.exit(SKIPPED)


def require(hook_library=None):
    """Leaves the test as skipped where it cannot run."""
    if os.geteuid() != 0:
        skip("network namespaces need root")
    for program in ("kea-dhcp6", "perfdhcp", "ip"):
        if shutil.which(program) is None:
            skip(program + " is not installed")
    if not os.path.exists(HOOKS + "/libdhcp_ha.so"):
        skip("Kea's hook libraries are not in " + HOOKS)
    if hook_library is not None and not os.path.exists(hook_library):
        skip("libdhcp_leaseledger.so was not built")
    trial = "leaseledger-trial-%d" % os.getpid()
    made = subprocess.run(["ip", "netns", "add", trial], capture_output=True, text=True)
    if made.returncode != 0:
        skip("no network namespaces: " + made.stderr.strip())
    subprocess.run(["ip", "netns", "del", trial], check=True)


def plain_config():
    """tests/data/kea/kea-dhcp6.conf without its comments."""
    with open(os.path.join(ROOT, "tests/data/kea/kea-dhcp6.conf")) as file:
        return json.loads(re.sub(r"//.*", "", file.read()))


class Kea:
    """One kea-dhcp6 in the server's namespace."""

    def __init__(self, world, name="kea1"):
        self.world, self.name = world, name
        self.dir = os.path.join(world.dir, name)
        os.mkdir(self.dir)
        self.control = os.path.join(self.dir, "ctrl")
        self.process = None
        self.config = plain_config()["Dhcp6"]
        c = self.config
        c["data-directory"] = self.dir
        c["control-socket"]["socket-name"] = self.control
        c["lease-database"]["name"] = os.path.join(self.dir, "kea-leases6.csv")
        c["loggers"][0]["output_options"][0]["output"] = os.path.join(self.dir, "kea.log")
        c["multi-threading"] = {"enable-multi-threading": False}
        # Room for ten thousand clients on the link, who stay.
        office = c["subnet6"][0]
        office.update({"valid-lifetime": 1200, "preferred-lifetime": 900})
        office["pools"].append({"pool": "2001:db8:10:0:1::/80"})

    def multi_threaded(self, threads=2):
        self.config["multi-threading"] = {"enable-multi-threading": True, "thread-pool-size": threads,
                                          "packet-queue-size": 64}

    def add_hook(self, library, parameters=None):
        entry = {"library": library}
        if parameters is not None:
            entry["parameters"] = parameters
        self.config["hooks-libraries"].append(entry)

    def attach(self, road, url, wait_threads=0):
        """Tells the ledger at `url` what happens, on one of the roads."""
        if road in ("ha", "ha-wait"):
            relationship = {
                "this-server-name": self.name, "mode": "passive-backup", "wait-backup-ack": road == "ha-wait",
                "peers": [{"name": self.name, "url": "http://127.0.0.1:8001/", "role": "primary"},
                          {"name": "ledger", "url": url, "role": "backup", "basic-auth-user": self.name,
                           "basic-auth-password": PASSWORD}]}
            if wait_threads:
                relationship["multi-threading"] = {"enable-multi-threading": True, "http-dedicated-listener": True,
                                                   "http-listener-threads": 2, "http-client-threads": wait_threads}
            self.add_hook(HOOKS + "/libdhcp_ha.so", {"high-availability": [relationship]})
        elif road in ("hook", "hook-async"):
            parameters = {"url": url, "user": self.name, "password": PASSWORD, "server": self.name, "timeout": 1000}
            if road == "hook":
                parameters.update({"durability": "before-reply", "on-outage": "refuse"})
            else:
                parameters.update({"on-outage": "carry-on", "spool-file": os.path.join(self.dir, "spool")})
            self.add_hook(self.world.hook_library, parameters)

    def start(self, patience=20):
        path = os.path.join(self.dir, "kea-dhcp6.conf")
        with open(path, "w") as file:
            json.dump({"Dhcp6": self.config}, file, indent=1)
        for left in ("ctrl", "kea-dhcp6.kea-dhcp6.pid"):
            if os.path.exists(os.path.join(self.dir, left)):
                os.remove(os.path.join(self.dir, left))
        environment = dict(os.environ, KEA_PIDFILE_DIR=self.dir, KEA_LOCKFILE_DIR=self.dir)
        log = open(os.path.join(self.dir, "stdout"), "a")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.world.server, "kea-dhcp6", "-c", path],
                                        env=environment, stdout=log, stderr=log)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if os.path.exists(self.control) and ask(self.control, "status-get")["result"] == 0:
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        raise AssertionError("kea-dhcp6 did not start: see " + self.dir)

    def kill(self, signal_number=signal.SIGKILL):
        # ip netns exec has become kea-dhcp6.
        self.process.send_signal(signal_number)
        self.process.wait(30)

    def alive(self):
        return self.process.poll() is None

    def rss_mib(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            for line in status:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) / 1024
        return 0

    def ask(self, command, arguments=None):
        return ask(self.control, command, arguments)

    def leases(self):
        """Leases by (address, length), of those that somebody holds or that were declined."""
        out = {}
        last = "start"
        while True:
            page = self.ask("lease6-get-page", {"from": last, "limit": 2000})
            if page["result"] == 3:
                return out
            assert page["result"] == 0, page
            for lease in page["arguments"]["leases"]:
                out[lease["ip-address"], lease.get("prefix-len", 128)] = lease
            last = page["arguments"]["leases"][-1]["ip-address"]


class Ledger:
    """One leaseledgerd in the ledger's namespace."""

    def __init__(self, world, daemon, client):
        self.world, self.daemon, self.client = world, daemon, client
        self.dir = os.path.join(world.dir, "ledger")
        os.mkdir(self.dir)
        self.url = "http://%s:8548/" % world.ledger_address
        self.socket = os.path.join(self.dir, "socket")
        self.door = os.path.join(self.dir, "kea")
        self.process = None
        self.answer = "durable"

    def write_config(self, keas, compare, interval="0s"):
        """`compare`: whether it is compared with the Keas; otherwise it knows their subnets only."""
        lines = ['[ledger]', 'directory = "%s/l"' % self.dir, '[listen]', 'unix = "%s"' % self.socket, 'http = ""',
                 '[kea]', 'http = "%s:8548"' % self.world.ledger_address, 'unix = "%s"' % self.door,
                 'answer = "%s"' % self.answer]
        for kea in keas:
            lines += ['[[kea.client]]', 'user = "%s"' % kea.name, 'password = "%s"' % PASSWORD, 'role = "administrator"']
            lines += ['[[kea.server]]', 'name = "%s"' % kea.name]
            if compare:
                lines += ['control = "unix:%s"' % kea.control, 'interval = "%s"' % interval]
            else:
                lines += ['config = "%s/kea-dhcp6.conf"' % kea.dir]
        with open(os.path.join(self.dir, "config.toml"), "w") as file:
            file.write("\n".join(lines) + "\n")

    def start(self, patience=60):
        log = open(os.path.join(self.dir, "log"), "a")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.world.ledger_space, self.daemon, "--config",
                                         os.path.join(self.dir, "config.toml")], stdout=log, stderr=log)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            assert self.process.poll() is None, "leaseledgerd ended: see " + self.dir
            if self.run("ping", check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError("leaseledgerd does not answer: see " + self.dir)

    def kill(self, signal_number=signal.SIGKILL):
        self.process.send_signal(signal_number)
        self.process.wait(60)

    def alive(self):
        return self.process.poll() is None

    def run(self, *arguments, check=True):
        return subprocess.run([self.client, "--server", "unix:" + self.socket, *arguments],
                              capture_output=True, text=True, check=check)

    def ask(self, command, arguments=None):
        return ask(self.door, command, arguments)

    def leases(self):
        answer = self.ask("lease6-get-all")
        assert answer["result"] in (0, 3), answer
        return {(lease["ip-address"], lease.get("prefix-len", 128)): lease for lease in answer["arguments"]["leases"]}

    def history(self, address, length=128):
        """The spans of one key, oldest first."""
        asked = {"ip-address": address}
        if length != 128:
            asked["prefix-len"] = length
        answer = self.ask("lease6-history", asked)
        assert answer["result"] in (0, 3), answer
        return [span for span in answer["arguments"]["spans"]
                if span["ip-address"] == address and span.get("prefix-len", 128) == length]

    def status(self):
        out = self.run("kea", "status", "-o", "json", check=False).stdout
        return json.loads(out)["items"]

    def compare_now(self, patience=60):
        """Waits for a whole comparison with every server; their status."""
        before = {each["server"]: each["runs"] for each in self.status()}
        self.run("kea", "compare")
        end = time.monotonic() + patience
        while time.monotonic() < end:
            status = self.status()
            if status and all(each["runs"] > before.get(each["server"], 0) and not each["error"] and
                              each["state"] == "compared" for each in status):
                return status
            time.sleep(0.1)
        raise AssertionError("no comparison came to its end: %s" % self.status())

    def records(self):
        for line in self.run("log", "-o", "jsonl", "--limit", "0").stdout.splitlines():
            yield json.loads(line)


class World:
    def __init__(self, daemon, client, hook_library=None):
        self.hook_library = hook_library
        tag = str(os.getpid())
        self.server, self.clients, self.ledger_space = ("ll-%s-%s" % (what, tag) for what in ("srv", "cli", "led"))
        self.server_address, self.ledger_address = "10.77.0.1", "10.77.0.2"
        self.dir = tempfile.mkdtemp(prefix="leaseledger-kea.")
        self.keas, self.failed = [], True
        self.spaces = []
        try:
            self.join()
            self.ledger = Ledger(self, daemon, client)
        except subprocess.CalledProcessError as problem:
            self.failed = False
            self.close()
            skip("network namespaces cannot be joined: %s: %s" % (" ".join(problem.cmd), problem.stderr.strip()))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.failed = kind is not None
        self.close()

    def kea(self, name="kea1"):
        kea = Kea(self, name)
        self.keas.append(kea)
        return kea

    def ip(self, *arguments, check=True):
        return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)

    def join(self):
        for space in (self.server, self.clients, self.ledger_space):
            self.ip("netns", "add", space)
            self.spaces.append(space)
            for key in ("all", "default"):
                self.ip("netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.%s.accept_dad=0" % key)
            self.ip("-n", space, "link", "set", "lo", "up")
        self.ip("link", "add", "eth1", "netns", self.server, "type", "veth", "peer", "name", "eth1", "netns", self.clients)
        self.ip("link", "add", "led0", "netns", self.server, "type", "veth", "peer", "name", "led0", "netns",
                self.ledger_space)
        for space, address in ((self.server, self.server_address), (self.ledger_space, self.ledger_address)):
            self.ip("-n", space, "addr", "add", address + "/24", "dev", "led0")
            self.ip("-n", space, "link", "set", "led0", "up")
        for space in (self.server, self.clients):
            self.ip("-n", space, "link", "set", "eth1", "up")
        for space in (self.server, self.clients):
            for _ in range(100):
                shown = self.ip("-n", space, "-6", "addr", "show", "dev", "eth1", "scope", "link", "-tentative").stdout
                if "inet6" in shown:
                    break
                time.sleep(0.05)
            else:
                self.failed = False
                skip("there is no IPv6 in network namespaces")

    def cut(self):
        self.ip("-n", self.server, "link", "set", "led0", "down")

    def mend(self):
        self.ip("-n", self.server, "link", "set", "led0", "up")

    def in_clients(self, *arguments, **more):
        return subprocess.Popen(["ip", "netns", "exec", self.clients, *arguments],
                                env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), cwd=self.dir, **more)

    def perfdhcp(self, rate, seconds=None, clients=None, seed=1):
        """Its report: (exchanges, drops)."""
        command = ["perfdhcp", "-6", "-l", "eth1", "-r", str(rate), "-s", str(seed), "-W", "300000",
                   "-b", "mac=02:%02x:00:00:00:00" % (seed & 0xFF), "-R", str(clients or 10_000_000)]
        command += ["-n", str(clients)] if clients else ["-p", str(seconds)]
        out = self.in_clients(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).communicate()[0]
        received = [int(each) for each in re.findall(r"received packets: (\d+)", out)]
        sent = [int(each) for each in re.findall(r"sent packets: (\d+)", out)]
        assert len(received) == 2 and len(sent) == 2, out
        return {"offered": sent[0], "answered": received[1], "delays": re.findall(r"avg delay: ([\d.]+) ms", out)}

    def close(self):
        for each in [*self.keas, getattr(self, "ledger", None)]:
            if each is not None and each.process is not None and each.process.poll() is None:
                each.kill()
        for space in self.spaces:
            pids = self.ip("netns", "pids", space, check=False).stdout.split()
            for pid in pids:
                os.kill(int(pid), signal.SIGKILL)
            self.ip("netns", "del", space, check=False)
        if self.failed:
            print("what was there is kept in", self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
