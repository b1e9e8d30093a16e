"""The laboratory: network namespaces on one switch, a capture at the switch, clients in the namespaces.

Every host is a namespace with a veth leg to the bridge `br0` in the namespace `nh-span`; tcpdump on the
bridge sees what a SPAN port would. Addresses are those reserved for documentation (RFC 5737, RFC 3849),
so nothing here can reach, or be mistaken for, a real host. Knows nothing of SIP or of any scenario.
"""

import os
import signal
import subprocess
import time

HOSTS = {  # name: (IPv4, IPv6), all on the switch
    "trunk": ("192.0.2.1", "2001:db8:20::1"),
    "pbx": ("192.0.2.10", "2001:db8:20::10"),
    "a1": ("192.0.2.21", "2001:db8:20::21"),
    "a2": ("192.0.2.22", "2001:db8:20::22"),
    "nat": ("192.0.2.31", "2001:db8:20::31"),
}
HOME_NET = "192.168.77"  # an agent at home, behind the masquerading host `nat`
CAPTURE_FILTER = "not arp and not icmp and not icmp6"


class LabError(Exception):
    """The laboratory could not do what a scenario asked; the message says which program and why."""


def run(*argv, check=True):
    """Runs one command to its end and returns its standard output."""
    done = subprocess.run(argv, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def ip4(host):
    """IPv4 address of a host; `home` lies behind the NAT."""
    return f"{HOME_NET}.10" if host == "home" else HOSTS[host][0]


def ip6(host):
    """IPv6 address of a host."""
    return HOSTS[host][1]


class Lab:
    """Namespaces, capture and child processes; everything it started ends with `close`."""

    def __init__(self, workdir):
        self.dir = workdir
        self.prefix = f"nh{os.getpid()}"  # two runs at once do not meet
        self.namespaces = []
        self.children = []
        self.logs = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def ns(self, host):
        """Name of a host's namespace."""
        return f"{self.prefix}-{host}"

    def _netns(self, host):
        run("ip", "netns", "add", self.ns(host))
        self.namespaces.append(self.ns(host))
        run("ip", "-n", self.ns(host), "link", "set", "lo", "up")

    def _build(self):
        self._netns("span")
        span = self.ns("span")
        run("ip", "-n", span, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", span, "link", "set", "br0", "up")
        for n, (host, (v4, v6)) in enumerate(HOSTS.items()):
            self._netns(host)
            port = f"p{n}"
            run("ip", "-n", span, "link", "add", port, "type", "veth", "peer", "name", "eth0",
                "netns", self.ns(host))
            run("ip", "-n", span, "link", "set", port, "master", "br0", "up")
            ns = self.ns(host)
            run("ip", "-n", ns, "link", "set", "eth0", "address", f"02:00:5e:00:53:{n + 1:02x}",
                "gso_max_segs", "1", "up")  # segments as on a cable, not as the kernel bundles them
            run("ip", "-n", ns, "addr", "add", f"{v4}/24", "dev", "eth0")
            run("ip", "-n", ns, "addr", "add", f"{v6}/64", "dev", "eth0", "nodad")
            run("ip", "-n", ns, "route", "add", "default", "dev", "eth0")
        self._netns("home")
        home, nat = self.ns("home"), self.ns("nat")
        run("ip", "-n", nat, "link", "add", "in0", "type", "veth", "peer", "name", "eth0", "netns", home)
        run("ip", "-n", nat, "addr", "add", f"{HOME_NET}.1/24", "dev", "in0")
        run("ip", "-n", nat, "link", "set", "in0", "up")
        run("ip", "-n", home, "addr", "add", f"{HOME_NET}.10/24", "dev", "eth0")
        run("ip", "-n", home, "link", "set", "eth0", "up")
        run("ip", "-n", home, "route", "add", "default", "via", f"{HOME_NET}.1")
        run("ip", "netns", "exec", nat, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run("ip", "netns", "exec", nat, "nft",
            "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100 ; };"
            "add rule ip nat post oif eth0 masquerade")
        time.sleep(0.5)

    def spawn(self, host, argv, cwd=None, stdin=subprocess.DEVNULL, name=None):
        """Starts a program on a host; its output goes to a log in the work folder."""
        name = name or os.path.basename(argv[0])
        log = open(os.path.join(self.dir, f"{len(self.logs):03}-{host}-{name}.log"), "w")
        self.logs.append(log.name)
        child = subprocess.Popen(["ip", "netns", "exec", self.ns(host), *argv], cwd=cwd or self.dir,
                                 stdin=stdin, stdout=log, stderr=subprocess.STDOUT)
        log.close()
        child.what, child.log = f"{name} on {host}", log.name
        self.children.append(child)
        return child

    def wait(self, child, seconds, ok=(0,)):
        """Waits for a child; a failure carries the end of its log."""
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop(child)
            code = "no end"
        self.children.remove(child)
        if code not in ok:
            with open(child.log, errors="replace") as log:
                raise LabError(f"{child.what}: {code}\n{log.read()[-1500:]}")

    def wait_all(self, children, seconds):
        """Waits for children that need one another; the first to fail ends the wait."""
        deadline = time.monotonic() + seconds
        while any(c.poll() is None for c in children) and time.monotonic() < deadline:
            if any(c.poll() for c in children):
                break
            time.sleep(0.05)
        for child in sorted(children, key=lambda c: not c.poll()):
            self.wait(child, 2)

    def stop(self, child, sig=signal.SIGTERM):
        """Ends one child of ours, gently first."""
        if child.poll() is None:
            child.send_signal(sig)
            try:
                child.wait(3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def capture(self, path, where="span", interface="br0"):
        """Starts tcpdump; returns once it listens."""
        child = self.spawn(where, ["tcpdump", "-i", interface, "-w", path, "-B", "8192", "-s", "0", "-U",
                                   "--immediate-mode", "-Z", "root", CAPTURE_FILTER])
        for _ in range(100):
            time.sleep(0.05)
            with open(child.log) as log:
                if "listening on" in log.read():
                    return child
        raise LabError("tcpdump does not listen")

    def end_capture(self, child):
        """Stops tcpdump and refuses a capture in which the kernel dropped packets."""
        time.sleep(0.4)
        self.stop(child, signal.SIGINT)
        self.children.remove(child)
        with open(child.log) as log:
            text = log.read()
        if "0 packets dropped by kernel" not in text:
            raise LabError(f"tcpdump lost packets: {text}")

    def close(self):
        """Ends what was started and removes the namespaces, whatever happened before."""
        for child in self.children:
            self.stop(child)
        self.children = []
        for ns in reversed(self.namespaces):
            run("ip", "netns", "del", ns, check=False)
        self.namespaces = []
