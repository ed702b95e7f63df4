//! Where the processes of an instance listen, as Linux shows it in `/proc`: to say what is wrong with a service that
//! listens anywhere but at the port that it was given.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::procfs::Stat;

/// What the kernel writes for a socket that listens (`TCP_LISTEN`).
const LISTENS: &str = "0A";

/// Every address that one of these processes listens on by TCP, in order; none where nothing can be seen.
pub(super) fn of(tree: &[Stat]) -> Vec<SocketAddr> {
    let mut found = BTreeSet::new();
    for stat in tree {
        let place = Path::new("/proc").join(stat.pid.to_string());
        let sockets = sockets(&place);
        if sockets.is_empty() {
            continue;
        }
        for table in ["net/tcp", "net/tcp6"] {
            let text = std::fs::read_to_string(place.join(table)).unwrap_or_default();
            let ours = text.lines().filter_map(entry).filter(|(_, socket)| sockets.contains(socket));
            found.extend(ours.map(|(address, _)| address));
        }
    }
    found.into_iter().collect()
}

/// The sockets that a process has open, by the kernel's numbers.
fn sockets(place: &Path) -> BTreeSet<u64> {
    let Ok(entries) = std::fs::read_dir(place.join("fd")) else { return BTreeSet::new() };
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        let open = std::fs::read_link(entry.ok()?.path()).ok()?;
        open.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.filter_map(number).collect()
}

/// A line of `/proc/net/tcp` or `tcp6`: the address of a socket that listens, and its number.
fn entry(line: &str) -> Option<(SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != LISTENS {
        return None;
    }
    let (ip, port) = fields.get(1)?.split_once(':')?;
    // Words of four bytes, each in this machine's order.
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = if ip.len() == 8 {
        IpAddr::from(Ipv4Addr::from(word(0)?))
    } else {
        let mut bytes = [0; 16];
        for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
            part.copy_from_slice(&word(index * 8)?);
        }
        IpAddr::from(Ipv6Addr::from(bytes))
    };
    Some((SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?), fields.get(9)?.parse().ok()?))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_process_listens_where_it_listens() {
        let listeners = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"].map(TcpListener::bind);
        let own = Stat::of(std::process::id()).unwrap();
        let found = of(&[own]);
        for listener in listeners.iter().flatten() {
            let address = listener.local_addr().unwrap();
            assert!(found.contains(&address), "no {address} in {found:?}");
        }
        let parent = Stat::of(own.parent);
        assert!(
            of(parent.as_slice()).iter().all(|other| !found.contains(other)),
            "those are not its parent's"
        );
    }

    #[test]
    fn only_what_listens_counts() {
        let line = |state: &str| {
            format!(
                "   0: 0100007F:1F90 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  0  0 4711 1 0 100 0"
            )
        };
        let here = Ipv4Addr::from(0x0100_007f_u32.to_ne_bytes());
        assert_eq!(entry(&line("0A")), Some((SocketAddr::from((here, 8080)), 4711)));
        assert_eq!(entry(&line("01")), None, "a connection");
        assert_eq!(entry("  sl  local_address rem_address   st tx_queue"), None);
    }
}
