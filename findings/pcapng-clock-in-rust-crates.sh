#!/usr/bin/env bash
# Two Rust readers of pcapng put a call into January 1970, or 292 billion years back.
#
# What:      pcap-file 2.0.0 and pcap-parser 0.17.0 read small captures of RTP, one packet every 20 ms.
# Standard:  draft-ietf-opsawg-pcapng section 4.2: `if_tsresol` is the unit of an interface's timestamps, and "if this
#            option is not present, a resolution of 10^-6 is assumed"; with its highest bit set it is a power of two.
#            `if_tsoffset` is seconds to be added. Section 4.1: all numbers of a section are in the byte order of the
#            machine that wrote it.
# Expected:  2026-09-21 14:13:20 (1790000000) and steps of 20 ms, as tshark and tcpdump say of the same files.
# Seen:      pcap-file calls the number nanoseconds whatever the interface says. Only a capture in nanoseconds comes out
#            right; in a usual one the call is of 21 January 1970 and its 20 ms steps are 20 us. It leaves out
#            `if_tsoffset`, too. pcap-parser gives both for the user to apply, but reads the offset as little-endian even
#            in a big-endian section, whose other numbers it reads right; and of a unit that is a power of two it says
#            that there is none.
# Matters:   No error, and order and count are right, so a test that looks at packets passes. Jitter, the length of a
#            call and the time of a recording are wrong by a factor of a thousand.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat > make.py <<'PY'
import struct

START, RTP = 1790000000, bytes(54)

def capture(name, order, ticks, options=()):
    """Three packets 20 ms apart on one interface with `ticks` a second."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)
    written = b"".join(struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in options)
    since = START if not any(code == 14 for code, _ in options) else 0
    with open(name, "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.write(block(1, struct.pack(order + "HHI", 1, 0, 65535) + written + bytes(4 if written else 0)))
        for n in range(3):
            stamp = since * ticks + n * ticks // 50
            out.write(block(6, struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(RTP), len(RTP)) + RTP))

capture("no-option.pcapng", "<", 10**6)
capture("nanoseconds.pcapng", "<", 10**9, [(9, b"\x09")])
capture("milliseconds.pcapng", "<", 10**3, [(9, b"\x03")])
capture("power-of-two.pcapng", "<", 2**20, [(9, b"\x94")])
capture("offset-little-endian.pcapng", "<", 10**6, [(14, struct.pack("<q", START))])
capture("offset-big-endian.pcapng", ">", 10**6, [(14, struct.pack(">q", START))])
PY
python3 make.py

mkdir -p probe/src
cat > probe/Cargo.toml <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
pcap-file = "=2.0.0"
pcap-parser = "=0.17.0"
TOML
cat > probe/src/main.rs <<'RS'
use pcap_parser::{traits::PcapReaderIterator, Block as Raw, PcapBlockOwned, PcapNGReader as Parser};
use std::fs::File;

fn main() {
    for name in ["no-option", "nanoseconds", "milliseconds", "power-of-two", "offset-little-endian", "offset-big-endian"] {
        let path = format!("{name}.pcapng");
        let mut times = Vec::new();
        let mut reader = pcap_file::pcapng::PcapNgReader::new(File::open(&path).unwrap()).unwrap();
        while let Some(block) = reader.next_block() {
            if let pcap_file::pcapng::Block::EnhancedPacket(packet) = block.unwrap() {
                times.push(format!("{:?}", packet.timestamp));
            }
        }
        println!("pcap-file   {name}: {}", times.join(" "));
        let mut parser = Parser::new(65536, File::open(&path).unwrap()).unwrap();
        loop {
            let (used, block) = parser.next().unwrap();
            if let PcapBlockOwned::NG(Raw::InterfaceDescription(idb)) = block {
                println!("pcap-parser {name}: snaplen {}, {:?} ticks a second, offset {}", idb.snaplen, idb.ts_resolution(), idb.ts_offset());
                break;
            }
            parser.consume(used);
        }
    }
}
RS
nice -n 10 cargo run --quiet --manifest-path probe/Cargo.toml | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
pcap-file   no-option: 1790000s 1790000.00002s 1790000.00004s
pcap-parser no-option: snaplen 65535, Some(1000000) ticks a second, offset 0
pcap-file   nanoseconds: 1790000000s 1790000000.02s 1790000000.04s
pcap-parser nanoseconds: snaplen 65535, Some(1000000000) ticks a second, offset 0
pcap-file   milliseconds: 1790s 1790.00000002s 1790.00000004s
pcap-parser milliseconds: snaplen 65535, Some(1000) ticks a second, offset 0
pcap-file   power-of-two: 1876951.04s 1876951.040020971s 1876951.040041943s
pcap-parser power-of-two: snaplen 65535, None ticks a second, offset 0
pcap-file   offset-little-endian: 0ns 20µs 40µs
pcap-parser offset-little-endian: snaplen 65535, Some(1000000) ticks a second, offset 1790000000
pcap-file   offset-big-endian: 0ns 20µs 40µs
pcap-parser offset-big-endian: snaplen 65535, Some(1000000) ticks a second, offset -9206569944404197376
END
echo "as stated"
